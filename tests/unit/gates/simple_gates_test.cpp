// What is special of hash routing and of top-p routing.
#include <set>

#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

/// Experts of each token.
std::vector<std::vector<int>> chosen(GateRun const& run) {
  std::vector<std::vector<int>> tokens;
  auto next = run.expert.begin();
  for (int const count : run.choices_of_token) {
    tokens.emplace_back(next, next + count);
    next += count;
  }
  return tokens;
}

}  // namespace

TEST_CASE("hash sends a word to the same experts wherever it stands, in every step, and other words to others") {
  auto c = make_case("hash", 6, 2, 28, 14);
  auto const first = chosen(run_gate(c));
  c.context.step += 5;
  c.context.training = false;
  for (double& x : c.x) x += 1;
  REQUIRE(chosen(run_gate(c)) == first);
  std::set<std::vector<int>> kinds;
  for (std::size_t t = 0; t < first.size(); ++t) {
    REQUIRE(first[t] == first[t % 7]);
    kinds.insert(first[t]);
  }
  REQUIRE(kinds.size() > 3);
  c.context.layer += 1;
  REQUIRE(chosen(run_gate(c)) != first);
}

TEST_CASE("top-p takes the fewest experts whose probabilities reach it") {
  auto c = make_case("top_p", 3, 1, 2, 2);
  c.model.hidden_size = 2;
  c.model.gate.network = "linear";
  c.x = {1, 0, 0, 1};
  c.parameters = {{std::log(.6), std::log(.3), std::log(.3), std::log(.3), std::log(.1), std::log(.4)}};
  auto const with = [&](double top_p, bool normalise) {
    c.model.gate.top_p = top_p;
    c.model.gate.normalise = normalise;
    return run_gate(c);
  };
  REQUIRE(chosen(with(.5, false)) == std::vector<std::vector<int>>{{0}, {2, 0}});
  REQUIRE(chosen(with(.65, false)) == std::vector<std::vector<int>>{{0, 1}, {2, 0}});
  REQUIRE(chosen(with(0, false)) == std::vector<std::vector<int>>{{0}, {2}});
  REQUIRE(chosen(with(1, false)) == std::vector<std::vector<int>>{{0, 1, 2}, {2, 0, 1}});
  auto const weight = with(.65, false).weight, scaled = with(.65, true).weight;
  REQUIRE(weight[0] == Approx(.6).epsilon(1e-14));
  REQUIRE(weight[1] == Approx(.3).epsilon(1e-14));
  REQUIRE(scaled[0] == Approx(2 / 3.).epsilon(1e-14));
}
