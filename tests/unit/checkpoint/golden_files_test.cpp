#include <cmath>

#include "checkpoint/safetensors.hpp"
#include "checkpoint/sharded.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

std::string golden(std::string const& name) { return std::string(MOESCOPE_GOLDEN "/llama_moe_v1/") + name; }

}  // namespace

// Files that the reference writer made.
TEST_CASE("the published tensor names of a LLaMA-MoE checkpoint are found with their shapes") {
  TensorStore const store(golden("noisy_topk_mlp_train"));
  auto const embedding = store.info("model.embed_tokens.weight");
  CHECK(embedding.dtype == "F32");
  auto const vocab = embedding.shape.at(0), hidden = embedding.shape.at(1);
  CHECK(store.info("lm_head.weight").shape == std::vector<std::int64_t>{vocab, hidden});
  CHECK(store.read("model.norm.weight", {hidden}).size() == std::size_t(hidden));
  CHECK(store.info("model.layers.0.mlp.calculator.experts.weight_down.0").shape.at(0) == hidden);
}

TEST_CASE("recorded cross-entropy follows from recorded logits and labels") {
  Safetensors const io(golden("noisy_topk_mlp_train/io.safetensors"));
  auto const labels = io.read_int64("labels");
  auto const logits = io.read("logits");
  auto const shape = io.info("logits").shape;
  auto const sequences = shape.at(0), length = shape.at(1), vocab = shape.at(2);
  REQUIRE(std::int64_t(labels.size()) == sequences * length);
  double sum = 0;
  int counted = 0;
  for (std::int64_t b = 0; b < sequences; ++b)
    for (std::int64_t s = 0; s + 1 < length; ++s) {
      auto const label = labels[std::size_t(b * length + s + 1)];
      if (label == -100) continue;
      auto const* const row = logits.data() + (b * length + s) * vocab;
      double exponentials = 0;
      for (std::int64_t v = 0; v < vocab; ++v) exponentials += std::exp(row[v]);
      sum += std::log(exponentials) - row[label];
      ++counted;
    }
  REQUIRE(counted > 0);
  auto const recorded = io.read("ce_loss").at(0);
  CHECK(std::abs(sum / counted - recorded) <= 1e-12 * recorded);
}
