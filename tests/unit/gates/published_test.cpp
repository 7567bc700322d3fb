// Gates of LLaMA-MoE's own classes, as recorded by running them (tests/golden/llama_moe_v1): the input of each MoE block and
// the noise go in, decisions, weights, statistics and balance loss are compared.
#include "checkpoint/fixture.hpp"
#include "checkpoint/safetensors.hpp"
#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

std::vector<std::string> const names = {"noisy_topk_mlp_train", "noisy_topk_linear_train", "noisy_topk_weight_norm_train",
                                        "noisy_topk_mlp_eval",  "switch_drop_zero",        "switch_drop_input"};

std::string folder_of(std::string const& name) { return MOESCOPE_GOLDEN "/llama_moe_v1/" + name; }

/// One MoE block; as released its pool is the micro-batch.
GateCase case_of(Fixture const& fixture, std::size_t layer) {
  auto const tokens = fixture.sequences * fixture.sequence_length;
  GateCase c;
  c.model = fixture.model;
  c.context.training = fixture.training;
  c.context.layer = std::int64_t(layer);
  c.pool_shape = {0, tokens, tokens, 1};
  c.x = fixture.layers[layer].input;
  c.injected = fixture.layers[layer].noise;
  Safetensors const weights(fixture.path + "/model.safetensors");
  for (auto const& p : gate_tensors(c.model))
    c.parameters.push_back(weights.read("model.layers." + std::to_string(layer) + ".mlp.gate." + p.name, {p.rows, p.columns}));
  return c;
}

void require_close(std::vector<double> const& a, std::vector<double> const& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CAPTURE(i, a[i], b[i]);
    REQUIRE(std::abs(a[i] - b[i]) <= 1e-12 * std::max(1.0, std::abs(b[i])));
  }
}

}  // namespace

TEST_CASE("gates decide, weigh and lose as the published classes do") {
  for (auto const& name : names) {
    auto const fixture = load_fixture(folder_of(name));
    REQUIRE(!fixture.layers.empty());
    for (std::size_t layer = 0; layer < fixture.layers.size(); ++layer) {
      CAPTURE(name, layer);
      auto const& recorded = fixture.layers[layer];
      auto const run = run_gate(case_of(fixture, layer));
      REQUIRE(std::vector<std::int64_t>(run.expert.begin(), run.expert.end()) == recorded.topk_index);
      require_close(run.weight, recorded.topk_weight);
      require_close(run.importance, recorded.importance);
      require_close(run.load, recorded.load);
      require_close(run.balance_loss, {fixture.balance_loss[layer]});
    }
  }
}

TEST_CASE("the switch gate drops what the published calculator dropped") {
  for (std::string const name : {"switch_drop_zero", "switch_drop_input"}) {
    auto const fixture = load_fixture(folder_of(name));
    Safetensors const io(fixture.path + "/io.safetensors");
    for (std::size_t layer = 0; layer < fixture.layers.size(); ++layer) {
      auto const run = run_gate(case_of(fixture, layer));
      CAPTURE(name, layer);
      REQUIRE(std::count(run.kept.begin(), run.kept.end(), 0) > 0);
      REQUIRE(std::vector<std::int64_t>(run.kept.begin(), run.kept.end()) ==
              io.read_int64("moe." + std::to_string(layer) + ".kept"));
    }
  }
}
