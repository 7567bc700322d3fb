// Every loss against its formula in plain loops, its value at perfect balance, and its gradient by finite differences.
#include <cmath>
#include <map>
#include <numeric>

#include "config/loss_kinds.hpp"
#include "gradient/finite_difference.hpp"
#include "support/catch.hpp"
#include "unit/gates/loss_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

/// One pool of a case: tokens [begin, end).
struct PoolOfCase {
  LossCase const& c;
  std::size_t begin, end;

  double tokens() const { return double(end - begin); }
  double choices(int e, bool first_only = false) const {
    double count = 0;
    for (auto t = begin; t < end; ++t)
      for (std::size_t j = 0; j < c.choices[t].size() && !(first_only && j > 0); ++j) count += c.choices[t][j] == e;
    return count;
  }
  double all_choices() const {
    double count = 0;
    for (int e = 0; e < c.experts; ++e) count += choices(e);
    return count;
  }
  double affinity(std::size_t t, int e) const { return c.affinity[t * std::size_t(c.experts) + std::size_t(e)]; }
  double probability(std::size_t t, int e) const {
    double sum = 0;
    for (int other = 0; other < c.experts; ++other) sum += affinity(t, other);
    return affinity(t, e) / sum;
  }
  double mean(int e) const {
    double sum = 0;
    for (auto t = begin; t < end; ++t) sum += probability(t, e);
    return sum / tokens();
  }
  double log_sum_exp(std::size_t t) const {
    double sum = 0;
    for (int e = 0; e < c.experts; ++e) sum += std::exp(c.logits[t * std::size_t(c.experts) + std::size_t(e)]);
    return std::log(sum);
  }
};

/// As published, of one pool.
double formula(PoolOfCase const& pool) {
  auto const& c = pool.c;
  auto const E = double(c.experts), k = double(c.top_k), T = pool.tokens();
  double value = 0;
  for (int e = 0; e < c.experts; ++e) {
    if (c.kind == "gshard") value += E * pool.choices(e, true) / T * pool.mean(e);
    if (c.kind == "sequence") value += E / (k * T) * pool.choices(e) * pool.mean(e);
    if (c.kind == "layer_pooled") value += E * pool.choices(e) / T * pool.mean(e);
    if (c.kind != "switch") continue;
    for (auto t = pool.begin; t < pool.end; ++t) value += E * pool.choices(e) / pool.all_choices() * pool.affinity(t, e) / T;
  }
  for (std::int64_t g = 0; c.kind == "device" && g < c.groups; ++g) {
    auto const size = c.experts / c.groups;
    double f = 0, p = 0;
    for (auto e = int(g * size); e < (g + 1) * size; ++e) {
      f += E / (k * T) * pool.choices(e) / double(size);
      p += pool.mean(e);
    }
    value += f * p;
  }
  for (auto t = pool.begin; t < pool.end; ++t) {
    if (c.kind == "z") value += std::pow(pool.log_sum_exp(t), 2) / T;
    for (int e = 0; c.kind == "entropy" && e < c.experts; ++e)
      value -= pool.probability(t, e) * std::log(pool.probability(t, e)) / T;
  }
  return value;
}

double mean_over_pools(LossCase const& c) {
  double sum = 0;
  auto const size = std::size_t(c.pool.tokens_in_pool);
  for (std::size_t begin = 0; begin < c.choices.size(); begin += size) sum += formula({c, begin, begin + size});
  return sum / double(c.pool.pools_in_step);
}

std::vector<std::string> kinds_of_scores() {
  auto kinds = loss_kinds();
  std::erase_if(kinds, [](auto const& kind) { return kind == "cv_squared" || !loss_kind(kind).needs_tensor.empty(); });
  return kinds;
}

}  // namespace

TEST_CASE("the configuration knows the losses that the registry makes") {
  auto const kinds = loss_kinds();
  auto const names = loss_kind_names();
  CHECK(std::is_permutation(kinds.begin(), kinds.end(), names.begin(), names.end()));
}

TEST_CASE("every loss of scores is its published formula, over ragged choices, several pools and unnormalised affinities") {
  for (auto const& kind : kinds_of_scores()) {
    auto const c = ragged(kind);
    CAPTURE(kind);
    auto const expected = mean_over_pools(c);
    REQUIRE(expected > 0);
    REQUIRE(value_of(c) == Approx(expected).epsilon(1e-13));
  }
}

TEST_CASE("at perfect balance every loss has its stated value, one choice a token or two") {
  for (std::int64_t const top_k : {1, 2}) {
    std::map<std::string, double> const stated = {{"switch", 1},
                                                  {"gshard", 1},
                                                  {"sequence", 1},
                                                  {"device", 1},
                                                  {"entropy", std::log(4.0)},
                                                  {"z", std::pow(std::log(4.0), 2)},
                                                  {"layer_pooled", double(top_k)}};
    for (auto const& kind : kinds_of_scores()) {
      CAPTURE(kind, top_k);
      REQUIRE(value_of(balanced(kind, top_k)) == Approx(stated.at(kind)).epsilon(1e-14));
    }
  }
}

TEST_CASE("every loss of shares is above its balanced value where choices and affinities prefer one expert") {
  for (std::string const kind : {"switch", "gshard", "sequence", "device", "layer_pooled"}) {
    auto c = balanced(kind);
    c.choices.assign(4, {2});
    for (std::size_t t = 0; t < 4; ++t) c.affinity[4 * t + 2] = 2.25;
    CAPTURE(kind);
    REQUIRE(value_of(c) > 1.2);
  }
}

TEST_CASE("the gradient of every loss agrees with central differences, choices frozen") {
  for (auto const& kind : kinds_of_scores()) {
    auto const c = ragged(kind);
    auto const of = kind == "z" ? &LossCase::logits : &LossCase::affinity;
    auto const loss = [&](std::vector<double> const& point) {
      auto moved = c;
      moved.*of = point;
      return 0.3 * value_of(moved);
    };
    CAPTURE(kind);
    REQUIRE(gradient_error(loss, c.*of, LossRun(c).gradient(0.3), {.step = 1e-6}) < 1e-7);
  }
}

TEST_CASE("a step of small weight against the entropy's gradient makes routing more certain") {
  auto c = ragged("entropy");
  auto const before = value_of(c);
  auto const gradient = LossRun(c).gradient(1);
  for (std::size_t i = 0; i < gradient.size(); ++i) c.affinity[i] -= 1e-2 * gradient[i];
  REQUIRE(value_of(c) < before);
}

TEST_CASE("what each choice adds to a loss of shares adds up to its value, and is linear in the choices") {
  for (std::string const kind : {"switch", "gshard", "sequence", "device", "layer_pooled"}) {
    auto const c = ragged(kind);
    LossRun const run(c);
    double sum = 0;
    for (std::size_t t = 0; t < c.choices.size(); ++t)
      for (std::size_t j = 0; j < c.choices[t].size() && !(run.term.of_first_choice && j > 0); ++j)
        sum += run.term.per_choice.at(t / 3 * 4 + std::size_t(c.choices[t][j]));
    CAPTURE(kind);
    REQUIRE(sum == Approx(run.term.value).epsilon(1e-13));
  }
}

TEST_CASE("the layer-pooled loss takes shares and affinities of all layers together, and its layers' values add up to it") {
  auto first = ragged("layer_pooled"), second = first;
  std::rotate(second.choices.begin(), second.choices.begin() + 2, second.choices.end());
  std::rotate(second.affinity.begin(), second.affinity.begin() + 7, second.affinity.end());
  auto const pooled = [](LossCase const& a, LossCase const& b) {
    double value = 0;
    for (std::size_t begin = 0; begin < a.choices.size(); begin += 3)
      for (int e = 0; e < 4; ++e) {
        PoolOfCase const pa{a, begin, begin + 3}, pb{b, begin, begin + 3};
        value += 4 * (pa.choices(e) + pb.choices(e)) / 6 * (pa.mean(e) + pb.mean(e)) / 2;
      }
    return value / 10;
  };
  LossRun a(first), b(second);
  std::vector<LossTerm*> const terms{&a.term, &b.term};
  a.loss().join(terms);
  REQUIRE(a.term.value == b.term.value);
  REQUIRE(a.term.value + b.term.value == Approx(pooled(first, second)).epsilon(1e-13));
  REQUIRE(a.term.value + b.term.value != Approx((mean_over_pools(first) + mean_over_pools(second)) / 2).epsilon(1e-6));
  auto const of_first = [&](std::vector<double> const& point) {
    auto moved = first;
    moved.affinity = point;
    return 0.3 * pooled(moved, second);
  };
  REQUIRE(gradient_error(of_first, first.affinity, a.gradient(0.3), {.step = 1e-6}) < 1e-7);
}

TEST_CASE("a loss whose pool is not given takes the gate's, but for those that were published with one") {
  ModelConfig model;
  model.gate.pool = "batch";
  model.gate.loss.emplace();
  for (auto const& kind : loss_kinds()) model.gate.loss->push_back({kind, 0.1, ""});
  for (auto const& loss : losses(model)) CHECK(loss.pool == (loss.kind == "sequence" ? "sequence" : "batch"));
}
