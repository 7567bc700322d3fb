#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "example.hpp"
#include "support/catch.hpp"

using namespace moescope;
using Catch::Contains;

namespace {

void check_says(std::string const& sentence, std::vector<std::string> const& parts) {
  INFO(sentence);
  CHECK(sentence.find('\n') == std::string::npos);
  for (auto const& part : parts) CHECK_THAT(sentence, Contains(part));
}

struct ValueCase {
  char const* path;
  char const* value;
  std::vector<std::string> says;
};

}  // namespace

TEST_CASE("a value that cannot be is refused with place, key, value and rule") {
  std::vector<ValueCase> const cases{
      // wrong types
      {"model.top_k", "\"two\"", {"run.toml:3:1", "model.top_k = \"two\"", "must be an integer"}},
      {"model.top_k", "2.0", {"model.top_k = 2.0", "must be an integer"}},
      {"model.top_k", "true", {"model.top_k = true", "must be an integer"}},
      {"model.top_k", "[2]", {"model.top_k = [2]", "must be an integer"}},
      {"model.top_k", "{ a = 2 }", {"model.top_k = {\"a\":2}", "must be an integer"}},
      {"model.top_k", "1979-05-27", {"model.top_k = a date or time", "must be an integer"}},
      {"model.tie_word_embeddings", "1", {"must be true or false"}},
      {"model.rope_theta", "\"big\"", {"must be a finite number"}},
      {"gate.kind", "3", {"gate.kind = 3", "must be a string"}},
      {"train.dtype", "32", {"must be a string"}},
      {"data.path", "[]", {"must be a string"}},
      {"data.weights", "[1, 2]", {"must be a table of one weight for each domain"}},
      {"data.weights", "{ code = \"much\" }", {"data.weights", "must be a finite number"}},
      // ranges
      {"model.vocab_size", "0", {"model.vocab_size = 0", "must be at least 1"}},
      {"model.hidden_size", "-64", {"model.hidden_size = -64", "must be at least 1"}},
      {"model.hidden_size", "9223372036854775807", {"must be at least 1 and at most 131072"}},
      {"model.num_layers", "0", {"must be at least 1 and at most 1024"}},
      {"model.num_layers", "1000000000", {"must be at least 1 and at most 1024"}},
      {"model.num_kv_heads", "0", {"model.num_kv_heads = 0", "must be at least 1"}},
      {"model.head_dim", "0", {"model.head_dim = 0", "must be at least 1"}},
      {"model.intermediate_size", "0", {"model.intermediate_size = 0", "must be at least 1"}},
      {"model.rms_norm_eps", "0", {"must be greater than 0"}},
      {"model.rope_theta", "-1.0", {"must be greater than 0"}},
      {"model.rope_theta", "nan", {"model.rope_theta = nan", "must be a finite number"}},
      {"model.initializer_range", "inf", {"model.initializer_range = inf", "must be a finite number"}},
      {"model.initializer_range", "-inf", {"must be a finite number"}},
      {"capacity.factor", "0.0", {"must be greater than 0"}},
      {"gate.loss", "[{ kind = \"zed\" }]", {"must give each loss a kind, one of cv_squared, switch, gshard"}},
      {"gate.loss", "[{ kind = \"switch\", weight = -0.01 }]", {"gate.loss = ", "must be at least 0"}},
      {"gate.loss", "[{ kind = \"switch\", wait = 1 }]", {"holds wait of switch; a loss has kind, weight and pool"}},
      {"gate.loss", "[{ kind = \"switch\" }, { kind = \"switch\" }]", {"holds switch twice"}},
      {"gate.loss", "[{ kind = \"switch\", pool = \"block:3\" }]", {"a loss of kind switch whose pool = \"block:3\""}},
      {"gate.loss", "0.01", {"must be a list of losses"}},
      {"gate.loss",
       "[{ kind = \"device\" }]",
       {"gate.num_groups = 1", "must be above 1 and divide model.num_experts = 4 with a loss of kind device"}},
      {"gate.noise_epsilon", "-1", {"must be at least 0"}},
      {"layout.tp", "0", {"layout.tp = 0", "must be at least 1"}},
      {"layout.dp", "-1", {"layout.dp = -1", "must be at least 0"}},
      {"layout.pp", "2", {"layout.pp = 2", "only 1 so far"}},
      {"layout.cp", "4", {"layout.cp = 4", "only 1 so far"}},
      {"batch.sequence_length", "0", {"must be at least 1"}},
      {"batch.micro_steps", "0", {"must be at least 1"}},
      {"optimizer.learning_rate", "-1e-3", {"must be at least 0"}},
      {"optimizer.beta1", "1", {"optimizer.beta1 = 1", "must be at least 0 and below 1"}},
      {"optimizer.epsilon", "0", {"must be greater than 0"}},
      {"optimizer.min_ratio", "1.5", {"must be at least 0 and at most 1"}},
      {"optimizer.warm_up_steps", "-1", {"must be at least 0"}},
      {"train.steps", "0", {"must be at least 1"}},
      {"train.seed", "-1", {"train.seed = -1", "must be at least 0"}},
      {"data.weights", "{ code = -1 }", {"must be at least 0"}},
      {"data.weights", "{ code = 0, text = 0 }", {"must have a positive, finite sum"}},
      {"data.weights", "{ code = 1e308, text = 1e308 }", {"must have a positive, finite sum"}},
      {"eval.sequences", "0", {"must be at least 1"}},
      {"record.detail_every", "-1", {"must be at least 0"}},
      {"record.path", "\"\"", {"record.path = \"\"", "must not be empty"}},
      {"record.site", "\"\"", {"must not be empty"}},
      {"record.path", "\"a\\u0000b\"", {"must hold no control character"}},
      {"machine.stated_peak_flops", "-1", {"must be at least 0"}},
      // names
      {"model.family", "\"mixtral\"", {"model.family = \"mixtral\"", "must be llama_moe"}},
      {"gate.kind",
       "\"swich\"",
       {"gate.kind = \"swich\"", "noisy_top_k, switch, uniform, uniform_learnable, random, random_learnable"}},
      {"gate.network", "\"conv\"", {"must be one of linear, linear_bias, mlp"}},
      {"gate.load_estimate", "\"fixed\"", {"must be one of released, noisy_logit"}},
      {"gate.switch_score", "\"logit\"", {"must be one of noisy_logit, probability"}},
      {"capacity.dropped", "\"none\"", {"must be one of zero, input"}},
      {"optimizer.schedule", "\"linear\"", {"must be one of cosine, constant"}},
      {"train.mode", "\"eval\"", {"must be one of train, forward"}},
      {"train.timing", "\"none\"", {"must be one of free, phased"}},
      {"train.dtype", "\"bf16\"", {"must be one of float32, float64"}},
      {"train.dispatcher", "\"nccl\"", {"train.dispatcher = \"nccl\"", "must be one of local, all_to_all"}},
      // absent
      {"model.vocab_size", "", {"model.vocab_size is missing", "at least 1"}},
      {"model.num_layers", "", {"model.num_layers is missing"}},
      {"model.top_k", "", {"model.top_k is missing"}},
      {"model.intermediate_size", "", {"model.intermediate_size is missing", "model.expert_widths"}},
      // keys that must agree
      {"model.top_k", "5", {"run.toml:3:1", "model.top_k = 5", "at most model.num_experts = 4"}},
      {"model.num_kv_heads", "3", {"model.num_heads = 4", "must be a multiple of model.num_kv_heads = 3"}},
      {"model.hidden_size",
       "66",
       {"run.toml:3:1", "model.hidden_size = 66", "multiple of model.num_heads = 4", "model.head_dim"}},
      {"model.hidden_size", "60", {"model.head_dim = 15", "must be even"}},
      {"model.pad_token_id", "257", {"model.pad_token_id = 257", "must be -1 (none) or below model.vocab_size = 257"}},
      {"model.head_dim", "7", {"run.toml:3:1", "model.head_dim = 7", "must be even"}},
      {"model.num_experts", "5", {"model.intermediate_size = 96", "multiple of model.num_experts = 5", "model.expert_widths"}},
      {"model.expert_widths", "[24, 24, 48]", {"must give 4 widths in each layer"}},
      {"model.expert_widths", "[24, 24, 24, 23]", {"must sum to model.intermediate_size = 96"}},
      {"model.expert_widths", "[24, 24, 48, 0]", {"must be at least 1"}},
      {"model.expert_widths", "[24, 24, 24, 24.0]", {"must be an integer"}},
      {"model.expert_widths", "[[24, 24, 24, 24]]", {"for each of the 2 layers"}},
      {"model.expert_widths", "[[24, 24, 24, 24], 24]", {"must hold only lists of widths"}},
      {"model.expert_widths", "[]", {"for each of the 2 layers"}},
      {"model.expert_widths", "24", {"for each of the 2 layers"}},
      {"model.score_scale_factor", "[2.0]", {"a number, or a list of one number for each of the 2 layers"}},
      {"model.score_scale_factor", "[2.0, 0.0]", {"must be greater than 0"}},
      {"model.score_scale_factor", "\"E/k\"", {"a number, or a list"}},
      {"batch.sequences", "7", {"batch.sequences = 7", "must be a multiple of batch.micro_steps = 2"}},
      {"gate.pool",
       "\"batch\"",
       {"gate.pool = \"batch\"", "batch.micro_steps = 2", "every micro-step's forward pass before any backward"}},
      {"gate.pool", "\"block:3\"", {"gate.pool = \"block:3\"", "divides the 4 of a micro-step"}},
      {"gate.pool", "\"block:8\"", {"divides the 4 of a micro-step"}},
      {"gate.pool", "\"block:0\"", {"\"block:<b>\" with b from 1"}},
      {"gate.pool", "\"block:-1\"", {"\"block:<b>\" with b from 1"}},
      {"gate.pool", "\"block:2x\"", {"\"block:<b>\" with b from 1"}},
      {"gate.pool", "\"block:99999999999\"", {"\"block:<b>\" with b from 1"}},
      {"gate.pool", "\"rank\"", {"must be \"sequence\", \"block:<b>\"", "\"batch\""}},
      {"train.dispatcher", "\"local\"", {"must be \"all_to_all\" or \"all_gather\" with layout.ep = 2"}},
  };
  for (auto const& row : cases) {
    INFO(row.path << " = " << row.value);
    check_says(example::refusal([&] { example::parse(example::with(row.path, row.value)); }), row.says);
  }
}

TEST_CASE("switch takes top_k 1 or 2, no more") {
  auto const text = example::with("gate.kind", "\"switch\"");
  CHECK_NOTHROW(example::parse(text, {"model.top_k=1"}));
  CHECK_NOTHROW(example::parse(text, {"model.top_k=2"}));
  check_says(example::refusal([&] { example::parse(text, {"model.top_k=3"}); }),
             {"--set model.top_k=3", "must be 1 or 2", "switch"});
}

TEST_CASE("an unknown key or section is refused with its place and the nearest known one") {
  std::vector<ValueCase> const cases{
      {"model.num_layer", "2", {"run.toml:3:1", "unknown key \"num_layer\" in [model]", "did you mean model.num_layers?"}},
      {"model.topk", "2", {"did you mean model.top_k?"}},
      {"model.layers", "2", {"did you mean model.num_layers?"}},
      {"capacity.facto", "1", {"did you mean capacity.factor?"}},
      {"optimizer.learnig_rate", "1", {"did you mean optimizer.learning_rate?"}},
      {"optimizer.steps", "3", {"did you mean train.steps?"}},
      {"train.learning_rate", "3", {"did you mean optimizer.learning_rate?"}},
      {"eval.everyy", "3", {"did you mean eval.every?"}},
      {"machine.colour", "3", {"unknown key \"colour\" in [machine]", "known are machine.stated_peak_flops"}},
  };
  for (auto const& row : cases) {
    INFO(row.path);
    check_says(example::refusal([&] { example::parse(example::with(row.path, row.value)); }), row.says);
  }
  auto const refused = [](std::string const& text) { return example::refusal([&] { example::parse(text); }); };
  check_says(refused(example::toml + "[modl]\na = 1\n"), {"run.toml:34:2", "unknown section [modl]", "did you mean model?"});
  check_says(refused(example::toml + "[completely_different]\n"),
             {"unknown section", "known sections are model, gate, capacity, residual, layout"});
  check_says(refused("steps = 3\n" + example::toml), {"run.toml:1:1", "outside of any section", "did you mean train.steps?"});
  check_says(refused("gate = 3\n"), {"run.toml:1:1", "\"gate\" is a section"});
  check_says(refused("[[gate]]\nkind = 3\n"), {"\"gate\" is a section"});
}

TEST_CASE("text that is not TOML is refused with line and column") {
  auto const refused = [](std::string const& text) { return example::refusal([&] { example::parse(text); }); };
  check_says(refused(""), {"run.toml: holds no settings", "[model]"});
  check_says(refused("# only a comment\n\n"), {"holds no settings"});
  check_says(refused("[model]\nvocab_size = \n"), {"run.toml:2:14", "not TOML"});
  check_says(refused("[model]\nvocab_size = 1\nvocab_size = 2\n"), {"run.toml:3:", "cannot redefine"});
  check_says(refused("[model]\n[gate]\n[model]\n"), {"run.toml:3:", "not TOML"});
  check_says(refused("[model]\nvocab_size = 1\n[?gate]\nkind = 1\n"), {"run.toml:3:1", "not TOML: a key or value is expected"});
  check_says(refused("[train]\nsteps = t\n"), {"run.toml:2:", "not TOML"});
  for (std::string const letter : {"é", "щ", "ж", "あ"}) {
    check_says(refused(letter + " = 1\n"), {"run.toml:1:1", "not TOML: ", letter});
    check_says(refused("[train]\nsteps" + letter + " = 1\n"), {"run.toml:2:", "not TOML: ", letter});
    check_says(refused("[train]\nsteps = " + letter + "\n"), {"run.toml:2:", "not TOML: "});
    check_says(refused("[train]\nsteps = 1" + letter + "\n"), {"run.toml:2:", "not TOML: ", letter});
  }
  check_says(refused("[train]\n\"a\\nb\" = 1\n"), {"run.toml:2:1: unknown key \"a b\""});
  check_says(refused("[?gate]"), {"run.toml:1:1", "not TOML"});
  check_says(refused("[model\nvocab_size = 1\n"), {"run.toml:1:", "not TOML"});
  check_says(refused("[model]\nvocab_size = 99999999999999999999\n"), {"run.toml:2:", "not representable in 64 bits"});
  check_says(refused("[record]\nsite = \"\xff\"\n"), {"run.toml:2:", "utf-8"});
  check_says(refused("[record]\nsite = \"desk\n"), {"run.toml:2:", "not TOML"});
  check_says(refused(std::string("\0\1", 2)), {"run.toml:1:1", "not TOML"});
}

TEST_CASE("a file that is missing or a folder is refused by name") {
  auto const folder = std::filesystem::temp_directory_path() / ("moescope_config_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  auto const refused = [](std::string const& path) { return example::refusal([&] { load_run_config(path, {}); }); };
  check_says(refused((folder / "no.toml").string()), {"no.toml: there is no such configuration file"});
  check_says(refused(folder.string()), {folder.string(), "is a folder"});
  std::ofstream(folder / "empty.toml").close();
  check_says(refused((folder / "empty.toml").string()), {"empty.toml: holds no settings"});
  std::ofstream(folder / "run.toml") << example::toml;
  CHECK(to_json(load_run_config((folder / "run.toml").string(), {})) == to_json(example::parse(example::toml)));
  std::filesystem::remove_all(folder);
}

TEST_CASE("validate refuses in a program's own config what reading would refuse, without a place") {
  auto const refused = [](auto change) {
    auto config = example::parse(example::toml);
    change(config);
    return example::refusal([&] { validate(config); });
  };
  CHECK_NOTHROW(validate(example::parse(example::toml)));
  CHECK(refused([](RunConfig& c) {
          c.model.gate.pool = "block:2";
          c.eval = {5, 3};
        }) == "eval.sequences = 3 must be a multiple of the 2 sequences of a pool (gate.pool = \"block:2\")");
  CHECK(refused([](RunConfig& c) { c.model.residual.num_experts = 2; }) ==
        "residual.intermediate_size = 0 must be a multiple of residual.num_experts = 2, all equally wide");
  CHECK(refused([](RunConfig& c) { c.model.top_k = 9; }) == "model.top_k = 9 must be at most model.num_experts = 4");
  check_says(refused([](RunConfig& c) { c.model.num_kv_heads = 0; }), {"model.num_kv_heads = 0 must be at least 1"});
  check_says(refused([](RunConfig& c) { c.model.gate.kind = "none"; }), {"gate.kind = \"none\" must be one of"});
  check_says(refused([](RunConfig& c) { c.model.expert_widths.pop_back(); }), {"for each of the 2 layers"});
  check_says(refused([](RunConfig& c) { c.model.expert_widths[1].pop_back(); }), {"must give 4 widths"});
  check_says(refused([](RunConfig& c) { c.model.score_scale_factor = {}; }), {"for each of the 2 layers"});
  check_says(refused([](RunConfig& c) { c.optimizer.learning_rate = std::nan(""); }),
             {"learning_rate = nan must be a finite number"});
  check_says(refused([](RunConfig& c) { c.train.seed = ~0ull; }), {"train.seed = 18446744073709551615 must be below 2^63"});
  check_says(refused([](RunConfig& c) { c.data.weights = {{"a", 0.0}}; }), {"positive"});
  check_says(refused([](RunConfig& c) { c.batch.micro_steps = 3; }),
             {"batch.sequences = 8 must be a multiple of batch.micro_steps = 3"});
}
