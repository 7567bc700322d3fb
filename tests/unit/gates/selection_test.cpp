#include "gates/selection.hpp"

#include <limits>

#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using test::to_matrix;
using test::to_vector;

TEST_CASE("top experts are sorted by value, ties go to the lower expert") {
  auto const ranking = to_matrix({1, 3, 2, 3, 0, 0, 0, 0, -1, 5, 5, 5}, 3, 4);
  REQUIRE(to_vector(gates::top_experts<double>(ExecSpace(), ranking, 3)) == std::vector<int>{1, 3, 2, 0, 1, 2, 1, 2, 3});
  REQUIRE(to_vector(gates::top_experts<double>(ExecSpace(), ranking, 4)) == std::vector<int>{1, 3, 2, 0, 0, 1, 2, 3, 1, 2, 3, 0});
}

TEST_CASE("top experts stay distinct and in range when values are not numbers") {
  double const nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  auto const ranking = to_matrix({nan, nan, nan, nan, 1, nan, -infinity, infinity}, 2, 4);
  REQUIRE(to_vector(gates::top_experts<double>(ExecSpace(), ranking, 4)) == std::vector<int>{0, 1, 2, 3, 3, 0, 2, 1});
}

TEST_CASE("softmax scores survive large logits") {
  auto const logits = to_matrix({1000, 999, -1000}, 1, 3);
  auto const order = gates::top_experts<double>(ExecSpace(), logits, 3);
  auto const routing = gates::route<double>(ExecSpace(), order, 2, 3);
  gates::score_choices<double>(ExecSpace(), logits, true, routing);
  auto const weight = to_vector(routing.weight);
  REQUIRE(weight[0] == Approx(1 / (1 + std::exp(-1.0))).epsilon(1e-14));
  REQUIRE(weight[0] + weight[1] == Approx(1).epsilon(1e-15));
}
