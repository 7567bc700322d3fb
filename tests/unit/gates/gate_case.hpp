#pragma once
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/range.hpp"
#include "base/upload.hpp"
#include "config/gate_kinds.hpp"
#include "gates/router.hpp"
#include "support/losses.hpp"
#include "unit/gates/simulated_ranks.hpp"

/// A gate with its inputs as host numbers, run on one rank or on several simulated ones.
namespace moescope::test {

inline Matrix<double> to_matrix(std::vector<double> const& values, std::int64_t num_rows, std::int64_t num_columns) {
  auto const matrix = Matrix<double>("test::matrix", num_rows, num_columns);
  auto const host = Kokkos::create_mirror_view(matrix);
  std::copy(values.begin(), values.end(), host.data());
  Kokkos::deep_copy(matrix, host);
  return matrix;
}

template <class View>
std::vector<typename View::non_const_value_type> to_vector(View const& view) {
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), view);
  return {host.data(), host.data() + host.size()};
}

inline std::vector<double> normals(std::int64_t count, double scale, std::int64_t which) {
  std::vector<double> values(count);
  for (std::int64_t i = 0; i < count; ++i) values[i] = scale * RandomStream(7, Purpose::weight, which, 0).normal(i, 0);
  return values;
}

struct GateCase {
  ModelConfig model;
  GateContext context;     ///< of the whole micro-batch; its tokens and pools follow from pool_shape
  PoolShape pool_shape;    ///< of every pool, whatever its name
  InjectedNoise injected;  ///< of the whole micro-batch
  std::vector<double> x;   ///< [tokens,H]
  std::vector<std::vector<double>> parameters;

  std::int64_t tokens() const { return pool_shape.tokens; }
  TokenIds ids() const { return TokenIds({{pool_shape.first_id, pool_shape.first_id + tokens()}}); }
  /// Of the tokens `ids`, which reach the others by `exchange`.
  GateContext context_of(TokenIds const& tokens_of_rank, PoolExchange& exchange) const {
    auto result = context;
    result.tokens = tokens_of_rank;
    std::vector<int> words;
    for (auto const id : tokens_of_rank.on_host()) words.push_back(int(id % 7));
    result.words = upload(ExecSpace(), "test::words", words);
    for (auto const& name : pool_names(model)) result.pools.push_back({name, pool_shape, &exchange});
    return result;
  }

  /// Random x and parameters of order 1.
  void fill() {
    x = normals(tokens() * model.hidden_size, 1.0, 0);
    parameters.clear();
    for (auto const& p : gate_tensors(model))
      parameters.push_back(normals(p.rows * p.columns, 0.7, 1 + std::int64_t(parameters.size())));
  }
};

/// `tokens` tokens in pools of `tokens_in_pool`; the step has twice as many pools as this micro-batch.
inline GateCase make_case(std::string const& kind, std::int64_t experts = 6, std::int64_t top_k = 2, std::int64_t tokens = 12,
                          std::int64_t tokens_in_pool = 4) {
  GateCase c;
  c.model.hidden_size = 5;
  c.model.num_layers = 3;
  c.model.num_experts = experts;
  c.model.top_k = top_k;
  c.model.gate.kind = kind;
  weigh_losses(c.model, 0.5);
  c.context.seed = 11;
  c.context.step = 3;
  c.context.layer = 2;
  c.pool_shape = {1000, tokens, tokens_in_pool, std::max<std::int64_t>(1, 2 * tokens / tokens_in_pool)};
  c.fill();
  return c;
}

/// What came out, concatenated over ranks in token order; gradients of parameters summed over ranks.
struct GateRun {
  std::vector<int> choices_of_token, expert, kept;
  std::vector<double> weight, d_x;
  std::vector<std::vector<double>> gradients;
  std::vector<double> balance_loss, cv2;  ///< of each rank
  std::vector<double> importance, load;   ///< of rank 0
  std::size_t num_sums = 0, num_gathers = 0;
};

/// Gradient that the outputs are taken to send back to the weight of a choice: a function of token and expert.
inline double weight_gradient(std::int64_t token, std::int64_t expert) {
  return RandomStream(5, Purpose::weight, 0, 0).normal(token, expert);
}

namespace detail {

/// What a token got.
struct TokenResult {
  std::vector<int> expert, kept;
  std::vector<double> weight, d_x;
};
using TokenResults = std::map<std::int64_t, TokenResult>;

/// `tokens`: those that the rank owns, counted from the case's first.
inline void run_rank(GateCase const& c, std::vector<Range> const& tokens, PoolExchange& pool, GateRun& run,
                     TokenResults& results) {
  ExecSpace const exec;
  Router<double> const router(c.model);
  auto const H = c.model.hidden_size, E = c.model.num_experts;
  auto const slice = [&](std::vector<double> const& all, std::int64_t width) {
    std::vector<double> own;
    if (all.empty()) return own;
    for (auto const& part : tokens) own.insert(own.end(), all.begin() + part.begin * width, all.begin() + part.end * width);
    return own;
  };
  InjectedNoise const injected{slice(c.injected.noise, E), slice(c.injected.drop_key, 1)};
  auto const first_id = c.pool_shape.first_id;
  auto runs = tokens;
  for (auto& part : runs) part = {first_id + part.begin, first_id + part.end};
  auto context = c.context_of(TokenIds(runs), pool);
  auto const ids = context.tokens.on_host();
  context.injected = &injected;

  auto const x = to_matrix(slice(c.x, H), context.tokens.size(), H), d_x = to_matrix({}, context.tokens.size(), H);
  std::vector<Matrix<double>> parameters, gradients;
  auto const declared = gate_tensors(c.model);
  for (std::size_t i = 0; i < declared.size(); ++i) {
    parameters.push_back(to_matrix(c.parameters[i], declared[i].rows, declared[i].columns));
    gradients.push_back(to_matrix({}, declared[i].rows, declared[i].columns));
  }
  auto const result = router.forward(exec, x, parameters, context);

  auto const offsets = to_vector(result.routing.offsets), expert = to_vector(result.routing.expert);
  auto const kept = to_vector(result.routing.kept);
  auto const weight = to_vector(result.weight);
  std::vector<double> d_weight;
  for (std::size_t t = 0; t < ids.size(); ++t)
    for (int j = offsets[t]; j < offsets[t + 1]; ++j) d_weight.push_back(weight_gradient(ids[t], expert[j]));
  auto const d_weight_view = Vector<double>("test::d_weight", d_weight.size());
  Kokkos::deep_copy(d_weight_view, Kokkos::View<double*, Kokkos::HostSpace>(d_weight.data(), d_weight.size()));
  router.backward(exec, x, parameters, context, result, d_weight_view, d_x, gradients);

  auto const d_rows = to_vector(d_x);
  for (std::size_t t = 0; t < ids.size(); ++t) {
    auto const choices = [&](auto const& all) { return std::vector(all.begin() + offsets[t], all.begin() + offsets[t + 1]); };
    auto const row = d_rows.begin() + std::ptrdiff_t(t) * H;
    results[ids[t]] = {choices(expert), choices(kept), choices(weight), {row, row + H}};
  }
  run.gradients.resize(gradients.size());
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    auto const part = to_vector(gradients[i]);
    run.gradients[i].resize(part.size());
    for (std::size_t j = 0; j < part.size(); ++j) run.gradients[i][j] += part[j];
  }
  auto const* const statistics = result.statistics();
  run.balance_loss.push_back(result.balance_loss());
  run.cv2.push_back(statistics ? statistics->cv2 : 0);
  if (run.balance_loss.size() == 1 && statistics) {
    run.importance = statistics->importance;
    run.load = statistics->load;
  }
}

}  // namespace detail

/// Rank r owns counts[r] consecutive tokens.
inline std::vector<std::vector<Range>> consecutive(std::vector<std::int64_t> const& counts) {
  std::vector<std::vector<Range>> tokens;
  std::int64_t begin = 0;
  for (auto const count : counts) {
    tokens.emplace_back();
    if (count > 0) tokens.back().push_back({begin, begin + count});
    begin += count;
  }
  return tokens;
}

/// Runs forward and backward with rank r owning the runs of tokens tokens_of_rank[r], counted from the case's first.
inline GateRun run_gate(GateCase const& c, std::vector<std::vector<Range>> const& tokens_of_rank) {
  SimulatedRanks ranks(tokens_of_rank);
  GateRun run;
  detail::TokenResults results;
  ranks.run([&](std::size_t rank, PoolExchange& pool) {
    if (rank == 0) run = {};
    detail::run_rank(c, tokens_of_rank[rank], pool, run, results);
  });
  auto const append = [](auto& all, auto const& part) { all.insert(all.end(), part.begin(), part.end()); };
  for (auto const& [id, token] : results) {
    run.choices_of_token.push_back(int(token.expert.size()));
    append(run.expert, token.expert);
    append(run.kept, token.kept);
    append(run.weight, token.weight);
    append(run.d_x, token.d_x);
  }
  run.num_sums = ranks.num_sums();
  run.num_gathers = ranks.num_gathers();
  return run;
}

inline GateRun run_gate(GateCase const& c) { return run_gate(c, consecutive({c.tokens()})); }

/// What `run_gate` differentiates.
inline double objective(GateCase const& c, GateRun const& run) {
  double sum = run.balance_loss.at(0);
  std::size_t choice = 0;
  for (std::size_t t = 0; t < run.choices_of_token.size(); ++t)
    for (int j = 0; j < run.choices_of_token[t]; ++j, ++choice)
      sum += weight_gradient(c.pool_shape.first_id + std::int64_t(t), run.expert[choice]) * run.weight[choice];
  return sum;
}

}  // namespace moescope::test
