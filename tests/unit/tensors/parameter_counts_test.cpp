#include "tensors/parameter_counts.hpp"

#include "support/catch.hpp"
#include "unit/config/example.hpp"

using namespace moescope;

namespace {

std::string llama_moe(int experts, int top_k) {
  return R"({"model_type": "llama_moe", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
             "num_attention_heads": 32, "num_experts": )" +
         std::to_string(experts) + R"(, "num_selects": )" + std::to_string(top_k) + "}";
}

ParameterCounts count(int experts, int top_k) {
  return parameter_counts(model_from_hugging_face(llama_moe(experts, top_k), "config.json"));
}

}  // namespace

// Active: LLaMA-MoE's published numbers of activated parameters. Totals: LLaMA-MoE-v1's released checkpoints; 2 of 8 times two
// bytes is the size in that model's published index file.
TEST_CASE("the released LLaMA-MoE models have their published numbers of parameters") {
  CHECK(count(16, 2).total == 6742618112);
  CHECK(count(16, 2).active == 2953064448);
  CHECK(count(16, 4).total == 6742618112);
  CHECK(count(16, 4).active == 3494129664);
  CHECK(count(8, 2).total == 6740514816);
  CHECK(count(8, 2).active == 3493074944);
  CHECK(2 * (count(8, 2).total + 32 * 64) == 13481033728);
}

TEST_CASE("each part of a small model is counted once") {
  auto const base = example::parse(example::toml).model;
  // embeddings and head 2*257*64, final norm 64; each layer: norms 128, q and o 2*64*64, k and v 2*32*64, gate 4*64 + 4*4,
  // noise 4*64, experts 3*64*96
  CHECK(parameter_counts(base).total == 32896 + 64 + 2 * (128 + 8192 + 4096 + 272 + 256 + 18432));
  CHECK(parameter_counts(base).active == double(parameter_counts(base).total - 2 * 256 - 2 * 18432 / 2));  // no noise matrix
  auto const difference = [&](auto change) {
    auto changed = base;
    change(changed);
    return parameter_counts(changed).total - parameter_counts(base).total;
  };
  CHECK(difference([](ModelConfig& m) { m.tie_word_embeddings = true; }) == -257 * 64);
  CHECK(difference([](ModelConfig& m) { m.gate.network = "linear"; }) == -2 * 16);
  CHECK(difference([](ModelConfig& m) { m.gate.add_noise = false; }) == -2 * 256);
  CHECK(difference([](ModelConfig& m) { m.gate.kind = "switch"; }) == -2 * 256);
  CHECK(difference([](ModelConfig& m) { m.gate.kind = "random"; }) == -2 * (256 + 272));
  CHECK(difference([](ModelConfig& m) { m.gate.kind = "uniform_learnable"; }) == -2 * 256);
  CHECK(difference([](ModelConfig& m) { m.add_weight_norm = true; }) == 2);
}

TEST_CASE("active parameters follow the number of experts a token really visits") {
  auto model = example::parse(example::with("model.expert_widths", "[6, 30, 12, 48]")).model;
  model.gate.add_noise = false;
  auto const inactive = [&] { return double(parameter_counts(model).total) - parameter_counts(model).active; };
  CHECK(inactive() == 2 * 3 * 64 * 48);  // mean width 24, two of four
  model.top_k = 3;
  CHECK(inactive() == 2 * 3 * 64 * 24);
  model.gate.kind = "uniform";
  CHECK(inactive() == 0);
  model.gate.kind = "switch";
  CHECK(inactive() == 2 * 3 * 64 * 72);
}

TEST_CASE("active parameters are k of E experts also where the mean width is no whole number") {
  auto model = example::parse(example::toml).model;
  model.expert_widths = {{6, 30, 12, 49}, {5, 5, 5, 6}};
  model.gate.add_noise = false;
  model.top_k = 3;  // widths 97 and 21, a quarter of 3 * 64 times which is unused
  CHECK(double(parameter_counts(model).total) - parameter_counts(model).active == 3 * 64 * 118 / 4.0);
  model.hidden_size = 63;
  CHECK(double(parameter_counts(model).total) - parameter_counts(model).active == 3 * 63 * 118 / 4.0);
}

TEST_CASE("what only training draws on is a parameter, and not an active one") {
  auto model = example::parse(example::toml).model;
  auto const with_noise = parameter_counts(model);
  model.gate.add_noise = false;
  CHECK(with_noise.total - parameter_counts(model).total == 2 * 4 * 64);
  CHECK(with_noise.active == parameter_counts(model).active);
}

TEST_CASE("the largest model that validation lets pass has a count that fits") {
  auto const c =
      example::parse(example::toml, {"model.vocab_size=2147483647", "model.hidden_size=131072", "model.num_layers=1024",
                                     "model.num_heads=65536", "model.num_kv_heads=65536", "model.head_dim=4096",
                                     "model.num_experts=1", "model.top_k=1", "model.intermediate_size=2147483647"});
  CHECK(parameter_counts(c.model).total > 8e17);
  CHECK(parameter_counts(c.model).active == double(parameter_counts(c.model).total - 1024 * 131072));  // noise
}
