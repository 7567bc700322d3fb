#include "run/dry_run.hpp"

#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "unit/traffic/small_run.hpp"

using namespace moescope;
using namespace moescope::testing;
using nlohmann::json;

namespace {

bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

json entry(json const& run, std::string const& name) {
  for (auto const& c : run["step"]["collectives"])
    if (c["name"] == name) return c;
  return {};
}

}  // namespace

TEST_CASE("A dry run prints layout, parameters, memory, exchanges and keys") {
  auto const config = small_run();
  auto const layout = make_layout({2, 1, 2});
  auto const text = dry_run_text(config, layout, {2, "build", "data"});
  CHECK(contains(text, "2 ranks = dp 2 x tp 1 (attention) = edp 1 x ep 2 x etp 1 (experts)\n"));
  CHECK(contains(text, "parameters: 1896 in all, 1256 active for a token\n"));
  CHECK(contains(text, "memory of the heaviest rank (estimate, tensors within 5 % under even routing; "));
  CHECK(contains(text, "assumes even routing"));
  CHECK(contains(text, "ep.dispatch.forward"));
  CHECK(contains(text, "computation_key " + computation_key(config, "data") + "\n"));
  CHECK(contains(text, "cell_key " + cell_key(config, 2, "build", "data") + "\n"));
}

TEST_CASE("The JSON holds the numbers as integers") {
  auto const config = small_run();
  auto const run = json::parse(dry_run_json(config, make_layout({2, 1, 2})));
  CHECK(run["layout"] == json{{"ranks", 2}, {"tp", 1}, {"dp", 2}, {"ep", 2}, {"etp", 1}, {"edp", 1}, {"order", "tp-ep-dp"}});
  CHECK(run["parameters"] == json{{"total", 1896}, {"active", 1256}});
  CHECK(run["step"]["assumes"] == "even routing");
  // 6 tokens, 12 choices a rank, half of them away; two layers of 64 bytes a row and 8 of its weight.
  auto const dispatch = entry(run, "ep.dispatch.forward");
  CHECK(dispatch["axis"] == "ep");
  CHECK(dispatch["operation"] == "all_to_all");
  CHECK(dispatch["calls"] == 2);
  CHECK(dispatch["payload_bytes"] == json{{"largest_rank", 768 + 96}, {"all_ranks", 2 * (768 + 96)}});
  CHECK(run["step"]["axes"]["ep"] == json{{"largest_rank", 4 * 768 + 2 * 96}, {"all_ranks", 2 * (4 * 768 + 2 * 96)}});
  CHECK(run["memory_bytes_of_heaviest_rank"]["parameters"] == 8 * (568 + 176 + 576));
  CHECK(run["computation_key"] == computation_key(config));
}

TEST_CASE("Each exchange names its heaviest rank") {
  auto config = small_run();
  config.model.num_experts = 3;
  config.model.expert_widths = {{8, 8, 8}, {8, 8, 8}};
  // 6 tokens and 12 choices a rank, 4 for each expert. Rank 0 holds experts 0 and 1 and sends 4 rows a layer; rank 1 sends 8.
  auto const equal = json::parse(dry_run_json(config, make_layout({2, 1, 2})));
  CHECK(entry(equal, "ep.dispatch.forward")["payload_bytes"]["largest_rank"] == 2 * 8 * (64 + 8));
  CHECK(entry(equal, "ep.dispatch.forward")["heaviest_rank"] == 1);
  CHECK(entry(equal, "ep.combine.forward")["heaviest_rank"] == 0);
  // Ranks 1 and 3 hold one expert of 90 columns, ranks 0 and 2 two with 16 together.
  config.model.expert_widths = {{8, 8, 90}, {8, 8, 90}};
  auto const wide = json::parse(dry_run_json(config, make_layout({4, 1, 2})));
  CHECK(entry(wide, "edp.gradients")["payload_bytes"]["largest_rank"] == 2 * 3 * 8 * 90 * 8);
  CHECK(entry(wide, "edp.gradients")["heaviest_rank"] == 1);
  auto const text = dry_run_text(config, make_layout({4, 1, 2}));
  CHECK(contains(text, "  largest rank    which     all ranks\n"));
  CHECK(contains(text, "  edp.gradients                               2        1      33.8 KiB        1"));
}

TEST_CASE("A dry run says which batch and type it assumes, and where the ranks come from") {
  auto config = small_run();
  auto const layout = make_layout({2, 1, 2});
  CHECK(contains(dry_run_text(config, layout), "a step: 4 sequences of 3 tokens in 1 micro-step, float64\n"));
  CHECK(!contains(dry_run_text(config, layout), "fewest"));
  LaunchFacts launch;
  launch.fewest_ranks = true;
  CHECK(contains(dry_run_text(config, layout, launch), "layout.ranks is not given: the fewest that the layout allows\n"));
  auto const run = json::parse(dry_run_json(config, layout, launch));
  CHECK(run["batch"] == json{{"sequences", 4}, {"sequence_length", 3}, {"micro_steps", 1}});
  CHECK(run["dtype"] == "float64");
  CHECK(run["assumed"].empty());
  config.assumed = {"batch.sequences", "train.dtype"};
  CHECK(contains(dry_run_text(config, layout), ", float64; assumed, as not given: batch.sequences, train.dtype\n"));
  CHECK(json::parse(dry_run_json(config, layout))["assumed"] == json{"batch.sequences", "train.dtype"});
  CHECK(run["ranks_are"] == "the fewest that the layout allows");
  CHECK(json::parse(dry_run_json(config, layout))["ranks_are"] == "given");
}

TEST_CASE("One rank exchanges nothing") {
  CHECK(contains(dry_run_text(small_run(), make_layout({1})), "one rank exchanges nothing\n"));
  CHECK(json::parse(dry_run_json(small_run(), make_layout({1})))["step"]["collectives"].empty());
}

TEST_CASE("Above 4096 ranks rank 0 speaks alone, and a million ranks take no table") {
  auto config = small_run();
  config.model.num_heads = config.model.num_kv_heads = 8;
  config.batch = {1048576 / 8, 16, 1};
  auto const layout = make_layout({1048576, 8, 4, 2});
  auto const run = json::parse(dry_run_json(config, layout));
  CHECK(run["step"]["ranks_counted"] == 1);
  CHECK(run["step"]["axes"]["tp"]["all_ranks"].is_null());
  CHECK(run["step"]["axes"]["tp"]["largest_rank"] > 0);
  CHECK(contains(dry_run_text(config, layout), "rank 0"));
}

TEST_CASE("A size beyond 63 bits is not printed as a small one") {
  auto config = small_run();
  config.model.vocab_size = config.model.intermediate_size = 2147483647;
  config.model.hidden_size = 131072;
  config.model.num_layers = 1024;
  config.model.num_heads = config.model.num_kv_heads = 65536;
  config.model.head_dim = 4096;
  config.model.num_experts = config.model.top_k = 1;
  config.model.expert_widths.assign(1024, {2147483647});
  config.model.score_scale_factor.assign(1024, 1);
  auto const text = dry_run_text(config, make_layout({1}));
  CHECK(contains(text, " EiB = parameters 7.0 EiB + gradients 7.0 EiB + optimizer 14.0 EiB + activations "));
  auto const memory = json::parse(dry_run_json(config, make_layout({1})))["memory_bytes_of_heaviest_rank"];
  CHECK(memory["total"] > 0x1p63);
  CHECK(memory["parameters"].is_number_integer());
}
