#include "config/run_config.hpp"
#include "example.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

std::string llama_moe(int experts, int top_k) {
  return R"({"model_type": "llama_moe", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
             "num_attention_heads": 32, "num_experts": )" +
         std::to_string(experts) + R"(, "num_selects": )" + std::to_string(top_k) + "}";
}

ParameterCount count(int experts, int top_k) {
  return count_parameters(model_from_hugging_face(llama_moe(experts, top_k), "config.json"));
}

}  // namespace

// Totals: LLaMA-MoE-v1's released checkpoints; 2 of 8 times two bytes is the size in that model's published index file.
TEST_CASE("the released LLaMA-MoE models have their published numbers of parameters") {
  CHECK(count(16, 2).total == 6742618112);
  CHECK(count(16, 2).active == 2955161600);
  CHECK(count(16, 4).total == 6742618112);
  CHECK(count(16, 4).active == 3496226816);
  CHECK(count(8, 2).total == 6740514816);
  CHECK(count(8, 2).active == 3494123520);
  CHECK(2 * (count(8, 2).total + 32 * 64) == 13481033728);
}

TEST_CASE("each part of a small model is counted once") {
  auto const base = example::parse(example::toml).model;
  // embeddings and head 2*257*64, final norm 64; each layer: norms 128, q and o 2*64*64, k and v 2*32*64, gate 4*64 + 4*4,
  // noise 4*64, experts 3*64*96
  CHECK(count_parameters(base).total == 32896 + 64 + 2 * (128 + 8192 + 4096 + 272 + 256 + 18432));
  CHECK(count_parameters(base).active == count_parameters(base).total - 2 * 18432 / 2);
  auto const difference = [&](auto change) {
    auto changed = base;
    change(changed);
    return count_parameters(changed).total - count_parameters(base).total;
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
  auto const inactive = [&] { return count_parameters(model).total - count_parameters(model).active; };
  CHECK(inactive() == 2 * 3 * 64 * 48);  // mean width 24, two of four
  model.top_k = 3;
  CHECK(inactive() == 2 * 3 * 64 * 24);
  model.gate.kind = "uniform";
  CHECK(inactive() == 0);
  model.gate.kind = "switch";
  CHECK(inactive() == 2 * 3 * 64 * 72);
}

TEST_CASE("the largest model that validation lets pass has a count that fits") {
  auto const c =
      example::parse(example::toml, {"model.vocab_size=2147483647", "model.hidden_size=131072", "model.num_layers=1024",
                                     "model.num_heads=65536", "model.num_kv_heads=65536", "model.head_dim=4096",
                                     "model.num_experts=1", "model.top_k=1", "model.intermediate_size=2147483647"});
  CHECK(count_parameters(c.model).total > 8e17);
  CHECK(count_parameters(c.model).active == count_parameters(c.model).total);
}
