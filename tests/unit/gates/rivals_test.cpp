// What other systems got wrong about losses of routers, each as a test that ours pass. Layouts: tests/equivalence.
#include <cmath>

#include "config/loss_kinds.hpp"
#include "support/catch.hpp"
#include "unit/gates/loss_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

std::vector<std::string> kinds_of_shares() {
  std::vector<std::string> kinds;
  for (auto const& kind : all_loss_kinds())
    if (kind.of_shares) kinds.emplace_back(kind.name);
  return kinds;
}

/// The router sends every token to the first two experts.
GateCase skewed(std::string const& loss) {
  auto c = make_case("noisy_top_k", 6, 2, 24, 24);
  c.model.gate.network = "linear";
  c.model.gate.add_noise = false;
  c.pool_shape.pools_in_step = 1;
  c.model.gate.num_groups = 2;
  c.model.gate.loss.emplace({LossConfig{loss, 0.5, ""}});
  c.fill();
  for (double& x : c.x) x = 0.1 * x + 1;
  for (std::size_t i = 0; i < c.parameters[0].size(); ++i) c.parameters[0][i] = i < 10 ? 0.2 + 0.01 * double(i) : -0.1;
  return c;
}

/// The micro-batch of tokens [begin, end) of a case, whose pools lie in it.
LossCase part(LossCase const& c, std::int64_t begin, std::int64_t end) {
  auto result = c;
  auto const cut = [](auto& all, std::int64_t first, std::int64_t last) { all = {all.begin() + first, all.begin() + last}; };
  cut(result.choices, begin, end);
  cut(result.affinity, begin * c.experts, end * c.experts);
  cut(result.logits, begin * c.experts, end * c.experts);
  result.pool.first_id += begin;
  result.pool.tokens = end - begin;
  return result;
}

}  // namespace

// Megatron-LM#1513: counted after dropping, a third of the loss was missing.
TEST_CASE("no loss is understated by a capacity: value and gradient are those without one") {
  for (auto const& loss : kinds_of_shares()) {
    auto c = skewed(loss);
    auto const whole = run_gate(c);
    c.model.capacity = {.policy = "position", .factor = 0.5};
    auto const dropping = run_gate(c);
    CAPTURE(loss);
    REQUIRE(std::count(dropping.kept.begin(), dropping.kept.end(), 0) > 10);
    REQUIRE(dropping.balance_loss == whole.balance_loss);
    REQUIRE(dropping.d_x == whole.d_x);
    REQUIRE(dropping.gradients == whole.gradients);
  }
}

// Megatron-LM#1617: padded to capacity, every expert had as many tokens and the loss read 1.
TEST_CASE("an uneven router does not read as balanced where every expert computes as many choices as its capacity") {
  for (auto const& loss : kinds_of_shares()) {
    auto c = skewed(loss);
    c.model.capacity = {.policy = "probability", .factor = 0.25};
    auto const run = run_gate(c);
    double const balanced = loss == "layer_pooled" ? 2 : 1;
    CAPTURE(loss);
    REQUIRE(run.balance_loss[0] / 0.5 > 1.05 * balanced);
  }
}

// Megatron-LM#1545: sigmoids do not add up to 1.
TEST_CASE("affinities that do not add up to one weigh as those that do") {
  for (auto const& loss : kinds_of_shares()) {
    if (loss == "switch") continue;  // takes them as they are
    auto c = ragged(loss);
    auto const before = value_of(c);
    for (std::size_t i = 0; i < c.affinity.size(); ++i) c.affinity[i] *= 0.1 + 0.2 * double(i / 4);
    CAPTURE(loss);
    REQUIRE(value_of(c) == Approx(before).epsilon(1e-13));
  }
}

// Megatron-LM#5798, #3199: the sequence loss and the z-loss depended on the size of a micro-batch.
TEST_CASE("no loss depends on the micro-batches that its pools come in, nor does its gradient") {
  for (auto const& loss : loss_kinds()) {
    if (loss == "cv_squared" || !loss_kind(loss).needs_tensor.empty()) continue;
    auto const c = ragged(loss);
    LossRun const whole(c);
    for (std::int64_t const size : {3, 6}) {
      double value = 0;
      std::vector<double> gradient;
      for (std::int64_t begin = 0; begin < 15; begin += size) {
        LossRun const run(part(c, begin, std::min<std::int64_t>(begin + size, 15)));
        value += run.term.value;
        auto const of_part = run.gradient(0.7);
        gradient.insert(gradient.end(), of_part.begin(), of_part.end());
      }
      CAPTURE(loss, size);
      REQUIRE(value == Approx(whole.term.value).epsilon(1e-14));
      auto const expected = whole.gradient(0.7);
      REQUIRE(gradient.size() == expected.size());
      for (std::size_t i = 0; i < gradient.size(); ++i) REQUIRE(gradient[i] == Approx(expected[i]).margin(1e-15));
    }
  }
}

// megablocks#85: each stage of a pipeline divided by its own number of layers.
TEST_CASE("a router's loss does not depend on how many other routers there are, unless it is of all of them") {
  for (auto const& loss : loss_kinds()) {
    if (loss == "cv_squared" || !loss_kind(loss).needs_tensor.empty()) continue;
    auto const c = ragged(loss);
    LossRun alone(c), a(c), b(c), other(ragged(loss));
    std::vector<LossTerm*> const terms{&a.term, &b.term, &other.term};
    a.loss().join(terms);
    CAPTURE(loss);
    double const count = loss_kind(loss).joins_layers ? 3 : 1;
    REQUIRE(a.term.value * count == Approx(alone.term.value).epsilon(1e-14));
  }
}

// transformers#43775: not divided by the choices of a token.
TEST_CASE("a loss of shares is the same at balance for one choice a token and for three, but for Hugging Face's") {
  for (auto const& loss : kinds_of_shares()) {
    CAPTURE(loss);
    REQUIRE(value_of(balanced(loss, 3)) == Approx(loss == "layer_pooled" ? 3.0 : 1.0).epsilon(1e-14));
  }
}

// FastMoE's GShard gate: scaled by the square of the experts of one rank.
TEST_CASE("the scale of a loss knows all experts, however few tokens a rank owns of a pool") {
  for (auto const& loss : kinds_of_shares()) {
    auto const c = skewed(loss);
    auto const one = run_gate(c), four = run_gate(c, consecutive({1, 11, 0, 12}));
    CAPTURE(loss);
    for (double const value : four.balance_loss) REQUIRE(value == Approx(one.balance_loss[0]).epsilon(1e-14));
  }
}

// LLaMA-MoE's Switch: a permutation of the process's own generator decided what to drop.
TEST_CASE("what a capacity drops at random does not depend on what was drawn before") {
  auto c = make_case("noisy_top_k", 6, 2, 24, 24);
  c.model.capacity = {.policy = "random", .factor = 0.5};
  auto const first = run_gate(c);
  auto other = c;
  other.context.step += 1;
  run_gate(other);
  REQUIRE(run_gate(c).kept == first.kept);
}
