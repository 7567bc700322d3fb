#include "support/catch.hpp"
#include "traffic/calls.hpp"
#include "unit/traffic/small_run.hpp"

using namespace moescope;
using namespace moescope::testing;
using namespace moescope::traffic;

// A row is 8 doubles = 64 bytes; 12 tokens a step. Volume{payload_bytes, messages, calls}.
namespace {

using Table = std::vector<std::vector<std::int64_t>>;  // [ranks][experts]

RoutedCounts counts_of(std::vector<Table> const& layers) {
  RoutedCounts counts(1, std::int64_t(layers.size()), std::int64_t(layers[0].size()), 4);
  for (std::size_t l = 0; l < layers.size(); ++l)
    for (std::size_t r = 0; r < layers[l].size(); ++r)
      for (std::size_t e = 0; e < 4; ++e) counts.at(0, std::int64_t(l), std::int64_t(r), std::int64_t(e)) = layers[l][r][e];
  return counts;
}

struct Case {
  RunConfig config;
  Layout layout;
  RoutedCounts counts;

  Volume operator()(std::int64_t rank, std::string_view name) const {
    return volume_of(config, layout, step_volumes(config, layout, counts, rank), name);
  }
};

Table const none4 = {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}};
Table const some4 = {{2, 1, 2, 1}, {3, 0, 0, 3}, {0, 0, 3, 3}, {1, 2, 2, 1}};
Volume const absent = {-1, -1, -1};

}  // namespace

TEST_CASE("Two data-parallel ranks") {
  Case const run{small_run(), make_layout({2}), counts_of({{{3, 3, 3, 3}, {6, 6, 0, 0}}, {{1, 2, 4, 5}, {0, 0, 6, 6}}})};
  CHECK(run(1, "dp.gradients") == Volume{568 * 8, 2, 1});
  CHECK(run(1, "stage.gradients") == Volume{176 * 8, 2, 1});
  CHECK(run(1, "edp.gradients") == Volume{1152 * 8, 2, 1});
  CHECK(run(1, names::stage_pool_sum) == absent);  // each sequence is a pool, whole on its rank
  CHECK(run(1, names::gate_statistics) == Volume{2 * (2 * 4 + 2) * 8, 2, 1});
  CHECK(run(1, names::labels) == Volume{8, 2, 1});
  CHECK(run(1, names::loss) == Volume{8, 2, 1});
  CHECK(run(1, names::gradient_norm) == Volume{8, 2, 1});
  CHECK(run(1, names::dispatch_forward) == absent);
  CHECK(peer_bytes(run.config, run.layout, run.counts, 1) == std::vector<std::int64_t>{0, 24 * 272});
  CHECK(computed_rows(run.config, run.layout, run.counts, 1).sum == std::vector<std::int64_t>{12, 12});
}

TEST_CASE("Two expert-parallel ranks") {
  Case const run{small_run(), make_layout({2, 1, 2}), counts_of({{{3, 3, 3, 3}, {6, 6, 0, 0}}, {{1, 2, 4, 5}, {0, 0, 6, 6}}})};
  // Rank 0 sends 3 + 3 and 4 + 5 rows and receives 6 + 6 and 0.
  CHECK(run(0, names::dispatch_forward) == Volume{15 * 72, 2, 2});
  CHECK(run(0, names::combine_forward) == Volume{12 * 64, 1, 2});
  CHECK(run(0, names::combine_backward) == Volume{15 * 64, 2, 2});
  CHECK(run(0, names::dispatch_backward) == Volume{12 * 72, 1, 2});
  CHECK(run(1, names::dispatch_forward) == Volume{12 * 72, 1, 2});
  CHECK(run(1, names::combine_forward) == Volume{15 * 64, 2, 2});
  CHECK(run(0, names::counts) == Volume{2 * (2 * 4 * 8), 2, 2});
  CHECK(run(0, "edp.gradients") == absent);
  CHECK(run(0, names::etp_dispatch_forward) == absent);
  // 27 rows over and back twice, with 27 numbers; 9 rows at home, likewise.
  CHECK(peer_bytes(run.config, run.layout, run.counts, 0) == std::vector<std::int64_t>{9 * 272, 27 * 136});
  CHECK(computed_rows(run.config, run.layout, run.counts, 0).sum == std::vector<std::int64_t>{18, 3});
  CHECK(computed_rows(run.config, run.layout, run.counts, 1).sum == std::vector<std::int64_t>{6, 21});
}

TEST_CASE("Forward mode moves rows out and back once") {
  Case run{small_run(), make_layout({2, 1, 2}), counts_of({{{3, 3, 3, 3}, {6, 6, 0, 0}}, {{1, 2, 4, 5}, {0, 0, 6, 6}}})};
  run.config.train.mode = "forward";
  CHECK(run(0, names::dispatch_forward) == Volume{15 * 72, 2, 2});
  CHECK(run(0, names::dispatch_backward) == absent);
  CHECK(peer_bytes(run.config, run.layout, run.counts, 0) == std::vector<std::int64_t>{9 * 136, 15 * 72 + 12 * 64});
}

TEST_CASE("Two tensor-parallel ranks that share every expert") {
  Case const run{small_run(), make_layout({2, 2, 1, 2}), counts_of({{{3, 3, 3, 3}, {6, 6, 0, 0}}, {{1, 2, 4, 5}, {0, 0, 6, 0}}})};
  CHECK(run(0, names::embedding) == Volume{768, 2, 1});
  CHECK(run(0, names::attention_forward) == Volume{2 * 768, 4, 2});
  CHECK(run(0, names::attention_backward) == Volume{2 * 768, 4, 2});
  CHECK(run(0, names::block_forward) == Volume{2 * 768, 2, 2});
  CHECK(run(0, names::block_backward) == Volume{2 * 768, 2, 2});
  CHECK(run(0, names::loss_maximum) == Volume{12 * 8, 2, 1});
  CHECK(run(0, names::loss_sums) == Volume{2 * 12 * 8, 2, 1});
  CHECK(run(0, names::head_backward) == Volume{768, 2, 1});
  // 24 rows in the first layer, 18 in the second: six choices were dropped.
  CHECK(run(1, names::etp_dispatch_forward) == Volume{42 * 72, 2, 2});
  CHECK(run(1, names::etp_combine_forward) == Volume{42 * 64, 2, 2});
  CHECK(run(1, names::etp_combine_backward) == Volume{42 * 64, 2, 2});
  CHECK(run(1, names::etp_dispatch_backward) == Volume{42 * 72, 2, 2});
  CHECK(run(1, names::dispatch_forward) == absent);
  CHECK(run(1, names::kv_gradients) == absent);
  CHECK(run(1, names::loss) == absent);
}

TEST_CASE("Four ranks, tp 2, ep 2, etp 2, with a layer in which everything is dropped") {
  Case const run{small_run(), make_layout({4, 2, 2, 2}), counts_of({some4, none4})};
  CHECK(run(1, names::embedding) == Volume{6 * 64, 2, 1});
  CHECK(run(1, names::dispatch_forward) == Volume{3 * 72, 1, 2});
  CHECK(run(1, names::combine_forward) == Volume{3 * 64, 1, 2});
  CHECK(run(2, names::dispatch_forward) == Volume{0, 0, 2});
  CHECK(run(2, names::combine_forward) == Volume{3 * 64, 1, 2});
  // Experts 0 and 1 are chosen 3, 3, 0 and 3 times by ranks 0 to 3.
  CHECK(run(1, names::etp_dispatch_forward) == Volume{9 * 72, 2, 2});
  CHECK(run(3, names::etp_dispatch_forward) == Volume{15 * 72, 2, 2});
  CHECK(run(1, names::counts) == Volume{2 * (4 * 4 * 8), 2 * 3, 2});
  CHECK(run(1, names::tp_pool_sum) == Volume{2 * (2 * 2 * 4 * 8), 2 * 2, 2});  // two sequences on each two ranks
  CHECK(run(1, names::stage_pool_sum) == absent);
  // vocabulary 2*5*8; two layers of norm 8, two query heads (q, o) and one KV head (k, v) of 16; final norm 8
  CHECK(run(1, "dp.gradients") == Volume{(80 + 2 * (8 + 96) + 8) * 8, 2, 1});
  CHECK(run(1, "stage.gradients") == Volume{176 * 8, 6, 1});
  CHECK(computed_rows(run.config, run.layout, run.counts, 3).worst_micro_step == std::vector<std::int64_t>{15, 0});
}

TEST_CASE("Four ranks, tp 2 folded into ep 4") {
  Case const run{small_run(), make_layout({4, 2, 4}), counts_of({some4, none4})};
  CHECK(run(0, names::dispatch_forward) == Volume{4 * 72, 3, 2});
  CHECK(run(0, names::combine_forward) == Volume{4 * 64, 2, 2});
  CHECK(run(1, names::dispatch_forward) == Volume{6 * 72, 2, 2});
  CHECK(peer_bytes(run.config, run.layout, run.counts, 0) ==
        std::vector<std::int64_t>{2 * 272, (1 + 3) * 136, (2 + 0) * 136, (1 + 1) * 136});
  CHECK(run(0, names::etp_dispatch_forward) == absent);
}

TEST_CASE("Four tensor ranks sum the KV heads that they share") {
  Case const run{small_run(), make_layout({4, 4}), counts_of({some4, none4})};
  CHECK(run(2, names::kv_gradients) == Volume{2 * (2 * 2 * 2 * 8) * 8, 2 * 6, 2});
  CHECK(run(2, "edp.gradients") == Volume{1152 * 8, 6, 1});
}

TEST_CASE("A capacity gate gathers two numbers a token, and blocks of sequences are pools") {
  Case run{small_run(), make_layout({2}), counts_of({{{0, 0, 0, 0}, {0, 0, 0, 0}}, {{0, 0, 0, 0}, {0, 0, 0, 0}}})};
  run.config.model.gate.kind = "switch";
  run.config.batch.sequences = 6;  // three on each rank
  run.config.model.gate.pool = "block:2";
  CHECK(run(0, names::stage_pool_gather) == Volume{2 * 18 * 16, 2, 2});
  CHECK(run(0, names::stage_pool_sum) == Volume{2 * (3 * 2 * 4 * 8), 4, 2});
  CHECK(run(0, names::gate_statistics) == absent);
  run.config.model.gate.pool = "batch";
  CHECK(run(0, names::stage_pool_sum) == Volume{2 * (1 * 2 * 4 * 8), 4, 2});
  run.config.model.gate.pool = "block:3";
  CHECK(run(0, names::stage_pool_sum) == absent);
}

TEST_CASE("float32 halves every byte but control's and the pools'") {
  Case run{small_run(), make_layout({2, 1, 2}), counts_of({{{3, 3, 3, 3}, {6, 6, 0, 0}}, {{1, 2, 4, 5}, {0, 0, 6, 6}}})};
  run.config.train.dtype = DType::float32;
  CHECK(run(0, names::dispatch_forward) == Volume{15 * 36, 2, 2});
  CHECK(run(0, "dp.gradients") == Volume{568 * 4, 2, 1});
  CHECK(run(0, names::counts) == Volume{2 * (2 * 4 * 8), 2, 2});
  CHECK(run(0, names::gate_statistics) == Volume{2 * (2 * 4 + 2) * 8, 2, 1});
  run.config.model.gate.pool = "batch";
  CHECK(run(0, names::stage_pool_sum) == Volume{2 * (1 * 2 * 4 * 8), 4, 2});
}

TEST_CASE("Micro-steps repeat calls, not gradients") {
  Case run{small_run(), make_layout({2, 1, 2}), {}};
  run.config.batch.micro_steps = 2;
  run.counts = even_routing(run.config, run.layout);
  CHECK(run(0, names::counts) == Volume{4 * 64, 4, 4});
  CHECK(run(0, names::loss) == Volume{8, 2, 1});
  CHECK(run(0, names::labels) == Volume{8, 2, 1});
  CHECK(run(0, names::gate_statistics) == Volume{2 * (2 * 4 + 2) * 8, 2, 1});
  run.config.model.gate.pool = "block:2";  // one on each rank is none
  CHECK(run(0, names::stage_pool_sum) == Volume{4 * (1 * 2 * 4 * 8), 8, 4});
  CHECK(run(0, "dp.gradients") == Volume{568 * 8, 2, 1});
}

TEST_CASE("A reduction of more than 2^32 bytes is several calls") {
  CHECK(reduction_calls(0) == 1);
  CHECK(reduction_calls(std::int64_t(1) << 32) == 1);
  CHECK(reduction_calls((std::int64_t(1) << 32) + 4) == 2);
  CHECK(reduction_calls(33, 16) == 3);
  // LLaMA-MoE 3.5B on ep 2 x edp 2: 32 layers of 4 experts of 3 matrices of 1376 x 4096 on each rank, in float.
  auto config = small_run();
  auto& model = config.model;
  model.num_layers = 32;
  model.hidden_size = 4096;
  model.num_heads = model.num_kv_heads = 32;
  model.head_dim = 128;
  model.num_experts = 8;
  model.intermediate_size = 8 * 1376;
  model.expert_widths.assign(32, std::vector<std::int64_t>(8, 1376));
  model.score_scale_factor.assign(32, 1);
  config.train.dtype = DType::float32;
  auto const layout = make_layout({4, 1, 2});
  std::int64_t const elements = 2164260864;
  CHECK(volume_of(config, layout, EvenSteps(config, layout).volumes(0), names::expert_gradients) ==
        Volume{elements * 4, 3 * 2, 3});
}
