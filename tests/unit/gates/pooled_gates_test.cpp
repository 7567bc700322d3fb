// What is special of the gates that choose over a whole pool, or learn from one.
#include <algorithm>
#include <numeric>

#include "gates/pooled/optimal_assignment.hpp"
#include "gates/pooled/places.hpp"
#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

/// Hidden states with much in common, so that the same experts are the first choice of most tokens.
GateCase skewed(std::string const& kind, std::int64_t top_k, std::int64_t tokens, std::int64_t tokens_in_pool) {
  auto c = make_case(kind, 6, top_k, tokens, tokens_in_pool);
  c.model.gate.network = "linear";
  c.pool_shape.pools_in_step = c.pool_shape.count();
  c.fill();
  for (double& value : c.x) value = value + 1;
  if (c.parameters.size() > 1)
    std::fill(c.parameters.back().begin(), c.parameters.back().end(), gate_tensors(c.model).back().initial);
  return c;
}

/// A gate on one rank that keeps its state from step to step.
struct TrainedGate {
  GateCase c;
  Router<double> router{c.model};
  SerialPool pool{};
  std::vector<Matrix<double>> parameters{};
  Matrix<double> x = to_matrix(c.x, c.tokens(), c.model.hidden_size);

  explicit TrainedGate(GateCase const& gate_case) : c(gate_case) {
    auto const declared = gate_tensors(c.model);
    for (std::size_t i = 0; i < declared.size(); ++i)
      parameters.push_back(to_matrix(c.parameters[i], declared[i].rows, declared[i].columns));
  }
  RouterResult<double> run(bool training) {
    c.context.training = training;
    return router.forward(ExecSpace(), x, parameters, c.context_of(c.ids(), pool));
  }
  void step() {
    auto const means = run(true).routing.pool_means;
    router.gate().update(ExecSpace(), {.choices = {}, .tokens = double(c.tokens()), .pool_means = means}, parameters);
  }
  std::vector<double> state() const { return to_vector(parameters.back()); }
};

std::vector<std::int64_t> counts(RouterResult<double> const& result) {
  std::vector<std::int64_t> all(std::size_t(result.routing.num_experts));
  for (int const e : to_vector(result.routing.expert)) ++all[std::size_t(e)];
  return all;
}

double max_over_mean(RouterResult<double> const& result) {
  auto const all = counts(result);
  return double(*std::max_element(all.begin(), all.end())) * double(all.size()) / double(std::reduce(all.begin(), all.end()));
}

std::vector<std::vector<int>> experts_by_token(RouterResult<double> const& result) {
  auto const offsets = to_vector(result.routing.offsets), expert = to_vector(result.routing.expert);
  std::vector<std::vector<int>> all;
  for (std::size_t t = 0; t + 1 < offsets.size(); ++t)
    all.emplace_back(expert.begin() + offsets[t], expert.begin() + offsets[t + 1]);
  return all;
}

}  // namespace

TEST_CASE("BASE takes the best balanced assignment of its logits in training, and the largest logits in evaluation") {
  for (std::int64_t const top_k : {1, 2}) {
    TrainedGate gate(skewed("base", top_k, 40, 20));
    auto const training = gate.run(true), evaluation = gate.run(false);
    auto const logits = to_vector(training.scores.logits);
    auto chosen = experts_by_token(training);
    for (std::size_t pool = 0; pool < 2; ++pool) {
      auto const best = gates::optimal_assignment(std::span(logits).subspan(pool * 20 * 6, 20 * 6), 6, top_k);
      for (std::size_t t = 0; t < 20; ++t) {
        auto experts = chosen[pool * 20 + t];
        CHECK(std::is_sorted(experts.begin(), experts.end(), [&](int a, int b) {
          return logits[(pool * 20 + t) * 6 + std::size_t(a)] > logits[(pool * 20 + t) * 6 + std::size_t(b)];
        }));
        std::sort(experts.begin(), experts.end());
        REQUIRE(std::equal(experts.begin(), experts.end(), best.begin() + std::ptrdiff_t(t) * top_k));
      }
    }
    CHECK(max_over_mean(training) < 1.3);  // 3.33 of 20 tokens: at most 4
    CHECK(max_over_mean(evaluation) > 1.5);
    auto const weight = to_vector(training.weight);
    CHECK(weight[0] == Approx(1 / (1 + std::exp(-logits[std::size_t(chosen[0][0])]))).epsilon(1e-14));
  }
}

TEST_CASE("Sinkhorn balances skewed logits in training and takes the largest in evaluation") {
  for (std::int64_t const top_k : {1, 2}) {
    TrainedGate gate(skewed("sinkhorn", top_k, 240, 240));
    auto const training = gate.run(true), evaluation = gate.run(false);
    CAPTURE(top_k, counts(training), counts(evaluation));
    CHECK(max_over_mean(evaluation) > 1.5);
    CHECK(max_over_mean(training) < 1.0 + (max_over_mean(evaluation) - 1.0) / 2);
    auto const logits = to_vector(training.scores.logits);
    auto const expert = std::size_t(experts_by_token(training)[0][0]);
    double sum = 0;
    for (std::size_t e = 0; e < 6; ++e) sum += std::exp(logits[e]);
    double const expected = top_k == 1 ? 1 / (1 + std::exp(-logits[expert])) : std::exp(logits[expert]) / sum;
    CHECK(to_vector(training.weight)[0] == Approx(expected).epsilon(1e-13));
  }
}

TEST_CASE("Sinkhorn makes no more iterations than it may") {
  auto c = skewed("sinkhorn", 1, 60, 60);
  auto const balanced = counts(TrainedGate(c).run(true));
  c.model.gate.iterations = 1;
  CHECK(counts(TrainedGate(c).run(true)) != balanced);
}

TEST_CASE("expert choice is exactly balanced in each pool, ragged, and weighs by affinity") {
  TrainedGate gate(skewed("expert_choice", 2, 40, 20));
  auto const result = gate.run(true);
  auto expected = gates::balanced_places(40, 6);
  for (auto& places : expected) places *= 2;
  CHECK(counts(result) == expected);
  auto const chosen = experts_by_token(result);
  CHECK(std::any_of(chosen.begin(), chosen.end(), [](auto const& experts) { return experts.size() != 2; }));
  auto const affinity = to_vector(result.scores.affinity), weight = to_vector(result.weight);
  std::size_t choice = 0;
  for (std::size_t t = 0; t < chosen.size(); ++t)
    for (int const e : chosen[t]) REQUIRE(weight[choice++] == affinity[t * 6 + std::size_t(e)]);
}

TEST_CASE("in evaluation expert choice takes what reaches the running mean of the lowest affinity taken in training") {
  auto c = skewed("expert_choice", 2, 400, 400);
  c.model.gate.average_decay = 0.75;
  TrainedGate gate(c);
  CHECK(gate.state() == std::vector<double>(6, 1.0 / 6));
  auto const lowest = gate.run(true).routing.pool_means;
  gate.step();
  CHECK(gate.state() == lowest);
  auto evaluation = experts_by_token(gate.run(false)), training = experts_by_token(gate.run(true));  // of the same tokens
  for (auto* choices : {&evaluation, &training})
    for (auto& experts : *choices) std::sort(experts.begin(), experts.end());
  CHECK(evaluation == training);
  auto const means = std::vector<double>(6, 0.5);
  gate.router.gate().update(ExecSpace(), {.choices = {}, .tokens = 400, .pool_means = means}, gate.parameters);
  for (std::size_t e = 0; e < 6; ++e) CHECK(gate.state()[e] == Approx(0.75 * lowest[e] + 0.25 * 0.5).epsilon(1e-14));
}

TEST_CASE("in evaluation expert choice decides about a token without the later ones") {
  auto c = skewed("expert_choice", 2, 40, 40);
  TrainedGate gate(c);
  gate.step();
  auto const before = experts_by_token(gate.run(false));
  for (std::size_t i = 20 * std::size_t(c.model.hidden_size); i < c.x.size(); ++i) c.x[i] = -3 * c.x[i];
  gate.x = to_matrix(c.x, c.tokens(), c.model.hidden_size);
  auto const after = experts_by_token(gate.run(false));
  CHECK(std::equal(before.begin(), before.begin() + 20, after.begin()));
}

TEST_CASE("quantile balancing reaches an even load on skewed hidden states, weighted with the logits alone") {
  for (std::int64_t const top_k : {1, 2}) {
    auto c = skewed("quantile", top_k, 600, 600);
    c.model.gate.average_decay = 0;
    TrainedGate gate(c);
    CAPTURE(top_k);
    CHECK(max_over_mean(gate.run(true)) > 1.5);
    for (int step = 0; step < 40; ++step) gate.step();
    auto const result = gate.run(true);
    CHECK(max_over_mean(result) < 1.03);
    CHECK(counts(gate.run(false)) == counts(result));
    auto const state = gate.state();
    CHECK(std::abs(std::reduce(state.begin(), state.end())) < 1e-12);
    if (top_k == 1) CHECK(to_vector(result.weight) == std::vector<double>(600, 1.0));
  }
}

TEST_CASE("an offset is the mean of those of the pools, and keeps the decay's share of the last one") {
  auto c = skewed("quantile", 2, 40, 20);
  c.model.gate.average_decay = 0.5;
  TrainedGate both(c);
  both.step();
  std::vector<double> mean(6);
  for (std::int64_t pool = 0; pool < 2; ++pool) {
    auto half = c;
    half.pool_shape = {c.pool_shape.first_id + 20 * pool, 20, 20, 1};
    half.x.assign(c.x.begin() + pool * 20 * c.model.hidden_size, c.x.begin() + (pool + 1) * 20 * c.model.hidden_size);
    TrainedGate one(half);
    one.step();
    for (std::size_t e = 0; e < 6; ++e) mean[e] += one.state()[e] / 2;
  }
  for (std::size_t e = 0; e < 6; ++e) CHECK(both.state()[e] == Approx(mean[e]).margin(1e-13));
}

TEST_CASE("gates that learn from pools keep what they have where the choice was forced") {
  for (std::string const kind : {"expert_choice", "quantile"}) {
    TrainedGate gate(skewed(kind, 2, 40, 20));
    gate.step();
    auto const before = gate.state();
    gate.router.gate().update(ExecSpace(), {.choices = {}, .tokens = 40, .pool_means = {}}, gate.parameters);
    CAPTURE(kind);
    CHECK(gate.state() == before);
  }
}
