#include "gradient/model/cases.hpp"
#include "gradient/model/objective.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::test;

TEST_CASE("the gradient of a whole decoder block is its derivative by its input and every parameter") {
  for (auto const& each : gradient_cases()) {
    INFO(each.name);
    auto const objective = block_objective(each.config);
    auto const worst = worst_error(*objective, objective->gradient());
    INFO(worst.tensor);
    CHECK(worst.error < tolerance);
  }
}
