#include "tensors/group_sizes.hpp"

#include "config/gate_kinds.hpp"
#include "support/catch.hpp"
#include "traffic/memory.hpp"
#include "unit/traffic/small_run.hpp"

using namespace moescope;
using namespace moescope::testing;
using namespace moescope::traffic;

namespace {

constexpr std::size_t dense = 0, router = 1, expert = 2;  // in tensor_groups

}  // namespace

TEST_CASE("One rank holds every parameter") {
  auto const config = small_run();
  auto const sizes = group_sizes(config.model, make_layout({1}), 0);
  // embedding and head 2*80; per layer norm 8, q 64, k 32, v 32, o 64; final norm 8
  CHECK(sizes[dense] == 160 + 2 * 200 + 8);
  // per layer norm 8, gate 4*8 + 4*4, noise 4*8
  CHECK(sizes[router] == 2 * (8 + 32 + 16 + 32));
  CHECK(sizes[expert] == 2 * 4 * 3 * 8 * 6);
}

TEST_CASE("Shares of four tensor ranks replicate KV heads and norms") {
  auto const config = small_run();
  auto const layout = make_layout({4, 4, 2, 2});
  // vocabulary rows 3 3 2 2; per layer norm 8, one query head (q, o: 2*16), one KV head (k, v: 2*16)
  CHECK(group_sizes(config.model, layout, 0)[dense] == 2 * 3 * 8 + 2 * (8 + 64) + 8);
  CHECK(group_sizes(config.model, layout, 3)[dense] == 2 * 2 * 8 + 2 * (8 + 64) + 8);
  CHECK(group_sizes(config.model, layout, 3)[expert] == 2 * 2 * 3 * 8 * 3);
  CHECK(replicated_kv_parameters(config.model, layout) == 2 * 2 * 2 * 8);
}

TEST_CASE("Gate parameters follow kind, network and noise") {
  auto model = small_run().model;
  CHECK(gate_parameters(model) == 32 + 16 + 32);
  model.gate.add_noise = false;
  CHECK(gate_parameters(model) == 32 + 16);
  model.gate.network = "linear";
  CHECK(gate_parameters(model) == 32);
  model.gate.add_noise = true;
  model.gate.kind = "switch";
  CHECK(gate_parameters(model) == 32);
  model.gate.kind = "random";
  CHECK(gate_parameters(model) == 0);
  model.gate.kind = "uniform_learnable";
  CHECK(gate_parameters(model) == 32);
}

TEST_CASE("Tied embeddings and output scales are counted once") {
  auto model = small_run().model;
  auto const layout = make_layout({1});
  auto const plain = group_sizes(model, layout, 0);
  model.tie_word_embeddings = true;
  CHECK(plain[dense] - group_sizes(model, layout, 0)[dense] == 80);
  model.add_weight_norm = true;
  CHECK(group_sizes(model, layout, 0)[router] - plain[router] == 2);
  model.gate.kind = "switch";
  CHECK(group_sizes(model, layout, 0)[router] == 2 * (8 + 48 + 8));
}

TEST_CASE("Unequal expert widths are summed and split by column") {
  auto model = small_run().model;
  model.expert_widths = {{3, 5, 7, 9}, {12, 4, 4, 4}};
  std::int64_t sum = 0;
  auto const layout = make_layout({4, 1, 2, 2});
  for (std::int64_t rank = 0; rank < 4; ++rank) sum += group_sizes(model, layout, rank)[expert];
  CHECK(sum == 3 * 8 * 48);
  CHECK(group_sizes(model, layout, 0)[expert] == 3 * 8 * (2 + 3 + 6 + 2));
}

TEST_CASE("Memory is parameters, gradients and two moments, and activations that grow with tokens") {
  auto config = small_run();
  auto const layout = make_layout({1});
  auto const memory = memory_estimate(config, layout, 0);
  CHECK(memory.parameters == 8 * (568 + 176 + 1152));
  CHECK(memory.gradients == memory.parameters);
  CHECK(memory.optimizer == 2 * memory.parameters);
  // 12 tokens, 24 choices and rows; a state is 64 bytes. Attention: two states, q, k, v, context, log-sum-exp, inverse norm;
  // five numbers for each expert, 40 bytes for each choice; normed and input; rows with gate, up and hidden.
  auto const layer = 12 * (2 * 64 + 29 * 8) + 12 * 4 * 5 * 8 + 24 * 40 + 12 * 2 * 64 + 24 * (64 + 3 * 6 * 8 + 24);
  // The last layer's backward: gradients of the stream, of the rows' outputs and inputs, of gate, up and hidden.
  CHECK(memory.activations == 12 * 8 + 2 * layer + 12 * 64 + 2 * 24 * 64 + 24 * 3 * 6 * 8);
  config.batch.micro_steps = 2;
  CHECK(memory_estimate(config, layout, 0).activations == memory.activations / 2);
  config.train.mode = "forward";
  CHECK(memory_estimate(config, layout, 0).gradients == 0);
  CHECK(memory_estimate(config, layout, 0).optimizer == 0);
}
