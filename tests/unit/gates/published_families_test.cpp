// Gates of published families against their formulas in plain loops; numbers of other implementations: tests/golden/hf.
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

using Row = std::vector<double>;

/// W x (+ b) of token t.
Row logits_of(GateCase const& c, std::int64_t t) {
  auto const experts = c.model.num_experts, hidden = c.model.hidden_size;
  Row logits(static_cast<std::size_t>(experts));
  for (std::int64_t e = 0; e < experts; ++e) {
    for (std::int64_t h = 0; h < hidden; ++h) logits[e] += c.parameters[0][e * hidden + h] * c.x[t * hidden + h];
    if (gate_network(c.model) == "linear_bias") logits[e] += c.parameters[1][e];
  }
  return logits;
}

Row softmax(Row const& logits) {
  Row result;
  double sum = 0;
  for (double const logit : logits) sum += std::exp(logit);
  for (double const logit : logits) result.push_back(std::exp(logit) / sum);
  return result;
}

Row sigmoid(Row const& logits) {
  Row result;
  for (double const logit : logits) result.push_back(1 / (1 + std::exp(-logit)));
  return result;
}

std::vector<int> best(Row const& ranking, std::int64_t k) {
  std::vector<int> order(ranking.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return ranking[a] > ranking[b]; });
  order.resize(static_cast<std::size_t>(k));
  return order;
}

Row taken(Row const& affinity, std::vector<int> const& experts, bool normalise) {
  Row weights;
  for (int const e : experts) weights.push_back(affinity[e]);
  double const sum = normalise ? std::reduce(weights.begin(), weights.end()) : 1;
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// Of the `kept` best of `groups` by the sum of their `count` largest.
Row limited(Row ranking, std::int64_t groups, std::int64_t kept, std::int64_t count) {
  auto const size = std::ssize(ranking) / groups;
  Row scores;
  for (std::int64_t g = 0; g < groups; ++g) {
    Row group(ranking.begin() + g * size, ranking.begin() + (g + 1) * size);
    std::sort(group.begin(), group.end(), std::greater<>());
    scores.push_back(std::accumulate(group.begin(), group.begin() + count, 0.0));
  }
  auto const stay = best(scores, kept);
  for (std::int64_t e = 0; e < std::ssize(ranking); ++e)
    if (std::find(stay.begin(), stay.end(), int(e / size)) == stay.end()) ranking[e] = -std::numeric_limits<double>::infinity();
  return ranking;
}

struct Expected {
  std::vector<int> experts;
  Row weights;
};
/// What a token of these logits gets; bias: the last of the gate's tensors.
using Formula = std::function<Expected(Row const& logits, Row const& bias)>;

void check(GateCase const& c, Formula const& formula) {
  for (bool const training : {true, false}) {
    auto now = c;
    now.context.training = training;
    auto const run = run_gate(now);
    std::size_t choice = 0;
    for (std::int64_t t = 0; t < c.tokens(); ++t) {
      auto const expected = formula(logits_of(c, t), c.parameters.back());
      CAPTURE(c.model.gate.kind, training, t);
      REQUIRE(run.choices_of_token[t] == int(expected.experts.size()));
      for (std::size_t j = 0; j < expected.experts.size(); ++j, ++choice) {
        REQUIRE(run.expert[choice] == expected.experts[j]);
        REQUIRE(run.weight[choice] == Approx(expected.weights[j]).epsilon(1e-13));
      }
    }
  }
}

Expected of_chosen(Row const& logits, std::int64_t k) {
  auto const experts = best(logits, k);
  Row chosen;
  for (int const e : experts) chosen.push_back(logits[e]);
  return {experts, softmax(chosen)};
}

}  // namespace

TEST_CASE("mixtral and gpt_oss weigh by the softmax over the chosen logits, gpt_oss with a bias") {
  for (std::int64_t const k : {1, 3}) {
    check(make_case("mixtral", 6, k), [=](Row const& logits, Row const&) { return of_chosen(logits, k); });
    check(make_case("gpt_oss", 6, k), [=](Row const& logits, Row const&) { return of_chosen(logits, k); });
  }
  CHECK(gate_tensors(make_case("gpt_oss").model).back().name == "gate_network.bias");
}

TEST_CASE("qwen_moe and olmoe weigh by the softmax over all experts, qwen_moe over its sum or not") {
  for (bool const normalise : {true, false}) {
    auto c = make_case("qwen_moe", 6, 3);
    c.model.gate.normalise = normalise;
    check(c, [=](Row const& logits, Row const&) -> Expected {
      auto const experts = best(logits, 3);
      return {experts, taken(softmax(logits), experts, normalise)};
    });
  }
  check(make_case("olmoe", 6, 3), [](Row const& logits, Row const&) -> Expected {
    auto const experts = best(logits, 3);
    return {experts, taken(softmax(logits), experts, false)};
  });
}

TEST_CASE("llama4 weighs the input of an expert by the sigmoid of its logit, and chooses where sigmoids are equal") {
  auto c = make_case("llama4", 6, 2);
  Formula const formula = [](Row const& logits, Row const&) -> Expected {
    auto const experts = best(logits, 2);
    return {experts, taken(sigmoid(logits), experts, false)};
  };
  check(c, formula);
  for (double& value : c.parameters[0]) value *= 100;
  check(c, formula);
  CHECK(weight_at(c.model) == "input");
}

TEST_CASE("deepseek_v3 chooses with its bias within the best groups, and weighs without it") {
  for (bool const normalise : {true, false})
    for (std::int64_t const groups : {1, 3}) {
      auto c = make_case("deepseek_v3", 6, 3);
      c.model.gate.normalise = normalise;
      c.model.gate.num_groups = groups;
      c.model.gate.groups_kept = groups == 1 ? 1 : 2;
      check(c, [=](Row const& logits, Row const& bias) -> Expected {
        auto const affinity = sigmoid(logits);
        auto ranking = affinity;
        for (std::size_t e = 0; e < ranking.size(); ++e) ranking[e] += bias[e];
        if (groups > 1) ranking = limited(ranking, groups, 2, 2);
        auto const experts = best(ranking, 3);
        return {experts, taken(affinity, experts, normalise)};
      });
    }
}

TEST_CASE("topology_limited keeps a token to the groups with the largest affinity") {
  for (bool const normalise : {true, false}) {
    auto c = make_case("topology_limited", 6, 2, 40, 40);
    c.model.gate.normalise = normalise;
    c.model.gate.num_groups = 3;
    c.model.gate.groups_kept = 1;
    check(c, [=](Row const& logits, Row const&) -> Expected {
      auto const affinity = softmax(logits);
      auto const experts = best(limited(affinity, 3, 1, 1), 2);
      return {experts, taken(affinity, experts, normalise)};
    });
    auto const run = run_gate(c);
    for (std::size_t t = 0; t < 40; ++t) CHECK(run.expert[2 * t] / 2 == run.expert[2 * t + 1] / 2);
  }
}

TEST_CASE("shazeer is noisy top-k without an epsilon whose load compares noisy logits") {
  auto c = make_case("shazeer");
  auto const run = run_gate(c);
  c.model.gate.kind = "noisy_top_k";
  c.model.gate.network = "linear";
  c.model.gate.noise_epsilon = 0;
  c.model.gate.load_estimate = "noisy_logit";
  auto const same = run_gate(c);
  CHECK(run.expert == same.expert);
  CHECK(run.weight == same.weight);
  CHECK(run.load == same.load);
  CHECK(run.gradients == same.gradients);
  c.model.gate.noise_epsilon = 0.01;
  CHECK(run_gate(c).weight != run.weight);
}
