#include <fmt/format.h>

#include "apps/benchmarks/cases.hpp"
#include "apps/benchmarks/measure.hpp"
#include "apps/benchmarks/register.hpp"
#include "base/random.hpp"
#include "base/upload.hpp"
#include "config/gate_kinds.hpp"
#include "gates/router.hpp"
#include "kernels/attention.hpp"
#include "kernels/cross_entropy.hpp"
#include "kernels/gemm.hpp"
#include "kernels/permute.hpp"

namespace moescope::benchmarks {

namespace {

Matrix<float> random_matrix(std::int64_t num_rows, std::int64_t num_columns) {
  auto const matrix = make_matrix<float>("benchmarks::random", num_rows, num_columns);
  RandomStream const stream(1, Purpose::document, 0, 0);
  Kokkos::parallel_for(
      "benchmarks::random", Kokkos::RangePolicy<ExecSpace>(0, num_rows), KOKKOS_LAMBDA(std::int64_t const i) {
        for (std::int64_t j = 0; j < num_columns; ++j) matrix(i, j) = float(stream.uniform(i, j)) - 0.5f;
      });
  return matrix;
}

kernels::AttentionShape attention_shape(RunConfig const& config) {
  auto const& model = config.model;
  kernels::AttentionShape shape{
      config.batch.sequences, config.batch.sequence_length, model.num_heads, model.num_kv_heads, model.head_dim, {}};
  for (std::int64_t q = 0; q < model.num_heads; ++q) shape.kv_of_head.push_back(q * model.num_kv_heads / model.num_heads);
  return shape;
}

/// FLOPs as counted by the causal half: two products forward, five backward (scores are computed again).
void attention(benchmark::State& state, RunConfig const& config, bool backward) {
  auto const shape = attention_shape(config);
  auto const tokens = shape.sequences * shape.sequence_length, width = shape.num_heads * shape.head_dim;
  auto const qkv = random_matrix(tokens, shape.qkv_columns()), d_qkv = random_matrix(tokens, shape.qkv_columns());
  auto const context = random_matrix(tokens, width), d_context = random_matrix(tokens, width);
  auto const log_sum_exp = make_matrix<float>("benchmarks::log_sum_exp", tokens, shape.num_heads);
  ExecSpace const exec;
  kernels::causal_attention<float>(exec, shape, qkv, context, log_sum_exp);
  measure(state, [&] {
    if (backward) {
      kernels::causal_attention_backward<float>(exec, shape, qkv, context, log_sum_exp, d_context, d_qkv);
    } else {
      kernels::causal_attention<float>(exec, shape, qkv, context, log_sum_exp);
    }
  });
  report_flops(state, (backward ? 5.0 : 2.0) * double(tokens) * double(shape.sequence_length) * double(width));
}

/// Of every token.
std::vector<int> words(RunConfig const& config) { return random_tokens(config)(0, config.batch.sequences).tokens; }

void gate(benchmark::State& state, RunConfig const& config) {
  Router<float> const router(config.model);
  auto const tokens = config.batch.sequences * config.batch.sequence_length;
  auto const x = random_matrix(tokens, config.model.hidden_size), d_x = random_matrix(tokens, config.model.hidden_size);
  std::vector<Matrix<float>> parameters, gradients;
  for (auto const& parameter : gate_tensors(config.model)) {
    parameters.push_back(random_matrix(parameter.rows, parameter.columns));
    gradients.push_back(random_matrix(parameter.rows, parameter.columns));
  }
  SerialPool pool;
  GateContext context;
  ExecSpace const exec;
  context.tokens = TokenIds({{0, tokens}});
  context.words = upload(exec, "benchmarks::words", words(config));
  for (auto const& name : pool_names(config.model)) {
    auto const in_pool = name == "batch" ? tokens : config.batch.sequence_length;
    context.pools.push_back({name, {0, tokens, in_pool, tokens / in_pool}, &pool});
  }
  measure(state, [&] {
    auto const result = router.forward(exec, x, parameters, context);
    auto const d_weight = make_vector<float>("benchmarks::d_weight", result.routing.num_choices);
    Kokkos::deep_copy(exec, d_weight, 0.01f);
    router.backward(exec, x, parameters, context, result, d_weight, d_x, gradients);
  });
  report_bytes(state, 4.0 * double(tokens * config.model.hidden_size) * double(sizeof(float)));
  report_tokens(state, tokens);
}

/// The case with a router of another kind, whose keys are as they are by default.
RunConfig with_gate(RunConfig config, std::string_view kind) {
  config.model.gate = {};
  config.model.gate.kind = kind;
  config.model.gate.network = "linear";
  return config;
}

/// Copies each token to its experts and sums it back, as dispatch and combine do on one rank. Bytes: what is copied and
/// summed, read and written once.
void permute(benchmark::State& state, RunConfig const& config) {
  auto const tokens = config.batch.sequences * config.batch.sequence_length, k = config.model.top_k;
  std::vector<int> source, offsets, positions;
  for (int t = 0; t <= int(tokens); ++t) offsets.push_back(t * int(k));
  for (int i = 0; i < int(tokens * k); ++i) {
    source.push_back(i % int(tokens));  // one expert's rows after the other's
    positions.push_back(i % int(k) * int(tokens) + i / int(k));
  }
  ExecSpace const exec;
  auto const index = upload(exec, "benchmarks::index", source), first = upload(exec, "benchmarks::offsets", offsets);
  auto const from = upload(exec, "benchmarks::positions", positions);
  auto const x = random_matrix(tokens, config.model.hidden_size), copies = random_matrix(tokens * k, config.model.hidden_size);
  measure(state, [&] {
    kernels::gather_rows<float>(exec, x, index, copies);
    kernels::sum_rows<float>(exec, copies, first, from, x);
  });
  report_bytes(state, 2.0 * double(copies.size() + x.size()) * double(sizeof(float)));
}

void cross_entropy(benchmark::State& state, RunConfig const& config) {
  auto const tokens = config.batch.sequences * config.batch.sequence_length;
  Range const vocabulary{0, config.model.vocab_size};
  auto const logits = random_matrix(tokens, vocabulary.size());
  std::vector<int> labels;
  for (std::int64_t t = 0; t < tokens; ++t) labels.push_back(int(t % vocabulary.size()));
  ExecSpace const exec;
  auto const targets = upload(exec, "benchmarks::targets", labels);
  auto const maximum = make_vector<float>("benchmarks::maximum", tokens), sum = make_vector<float>("benchmarks::sum", tokens);
  auto const target_logit = make_vector<float>("benchmarks::target_logit", tokens);
  measure(state, [&] {
    kernels::cross_entropy_maximum<float>(exec, logits, maximum);
    kernels::cross_entropy_partial<float>(exec, logits, targets, vocabulary, maximum, sum, target_logit);
    benchmark::DoNotOptimize(kernels::cross_entropy_finish<float>(exec, targets, maximum, sum, target_logit));
    kernels::cross_entropy_backward<float>(exec, targets, vocabulary, maximum, sum, 1e-3f, logits);
  });
  report_bytes(state, 4.0 * double(logits.size()) * double(sizeof(float)));  // read three times, written once
}

}  // namespace

void add_layers() {
  auto const& small = cases().front().config;
  for (auto const kind : gate_kind_names())
    add(fmt::format("gate_kind/{}", kind), 4, [config = with_gate(small, kind)](auto& state) { gate(state, config); });
  for (auto const& [name, config] : cases()) {
    add("attention/forward/" + name, 4, [&config = config](auto& state) { attention(state, config, false); });
    add("attention/backward/" + name, 4, [&config = config](auto& state) { attention(state, config, true); });
    add("gate/" + name, 4, [&config = config](auto& state) { gate(state, config); });
    add("permute/" + name, 4, [&config = config](auto& state) { permute(state, config); });
    add("cross_entropy/" + name, 4, [&config = config](auto& state) { cross_entropy(state, config); });
  }
}

}  // namespace moescope::benchmarks
