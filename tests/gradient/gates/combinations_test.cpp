#include "unit/gates/combinations.hpp"

#include "gradient/gates/gate_gradient.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::test;

TEST_CASE("backward of every gate with every loss and capacity policy agrees with central differences") {
  std::size_t number = 0;
  for_each_combination(4, 2, 6, 3, [&](Combination const& each) {
    if (number++ % 2 != 0) return;  // there are five policies: each meets every gate, and every loss, with some of the others
    CAPTURE(each.gate, each.loss, each.policy);
    auto const gradient = gradient_of(each.gate_case, run_gate(each.gate_case));
    REQUIRE(error_of_gradient(each.gate_case, gradient, {.step = 2e-6, .directions = 3, .coordinates = 4}) < 1e-7);
  });
}

TEST_CASE("backward of renormalised weights agrees with central differences, whatever stays of a token") {
  for (std::string const policy : {"position", "probability", "random"})
    for (double const factor : {0.3, 0.6, 1.0}) {
      auto c = make_case("noisy_top_k", 5, 3, 12, 6);
      c.model.capacity = {.policy = policy, .factor = factor, .renormalise = true};
      CAPTURE(policy, factor);
      REQUIRE(error_of_backward(c) < 1e-7);
    }
}

TEST_CASE("the check fails for a backward that forgets that weights are renormalised") {
  auto c = make_case("noisy_top_k", 5, 3, 12, 6);
  c.model.capacity = {.policy = "position", .factor = 0.6, .renormalise = true};
  auto without = c;
  without.model.capacity.renormalise = false;
  REQUIRE(error_of_gradient(c, gradient_of(without, run_gate(without))) > 1e-3);
}
