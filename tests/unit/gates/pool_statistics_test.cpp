#include "gates/pool_statistics.hpp"

#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;

TEST_CASE("cv squared uses the unbiased variance and is zero for one expert") {
  std::vector<double> const q = {1, 2, 3, 6};
  REQUIRE(gates::cv_squared(q) == Approx((4 + 1 + 0 + 9) / 3.0 / (9 + 1e-10)).epsilon(1e-15));
  REQUIRE(gates::cv_squared(std::vector<double>{4}) == 0);
  std::vector<double> gradient = {7};
  gates::add_cv_squared_gradient(std::vector<double>{4}, 1, gradient);
  REQUIRE(gradient[0] == 7);
}

TEST_CASE("cv squared of nothing at all is zero, not a division by zero") {
  REQUIRE(gates::cv_squared(std::vector<double>{0, 0, 0}) == 0);
  std::vector<double> gradient(3);
  gates::add_cv_squared_gradient(std::vector<double>{0, 0, 0}, 1, gradient);
  REQUIRE(gradient == std::vector<double>{0, 0, 0});
}

TEST_CASE("the gradient of cv squared agrees with central differences") {
  std::vector<double> const q = {1.5, 2.25, 0.5, 6, 3};
  std::vector<double> gradient(q.size(), 10);
  gates::add_cv_squared_gradient(q, 2, gradient);
  for (std::size_t i = 0; i < q.size(); ++i) {
    auto up = q, down = q;
    up[i] += 1e-5;
    down[i] -= 1e-5;
    REQUIRE(gradient[i] - 10 == Approx(2 * (gates::cv_squared(up) - gates::cv_squared(down)) / 2e-5).margin(1e-9));
  }
}

TEST_CASE("pool sums of a rank take its tokens of each pool and no others") {
  SerialPool exchange;
  Pool const pool{"block:1", {20, 9, 3, 3}, &exchange};
  auto const terms = test::to_matrix({1, 10, 2, 20, 4, 40, 8, 80, 16, 160}, 5, 2);
  REQUIRE(gates::sum_over_pools<double>(ExecSpace(), terms, TokenIds({{22, 27}}), pool) ==
          std::vector<double>{1, 10, 14, 140, 16, 160});
  TokenIds const scattered({{20, 21}, {24, 26}, {27, 29}});
  REQUIRE(gates::sum_over_pools<double>(ExecSpace(), terms, scattered, pool) == std::vector<double>{1, 10, 6, 60, 24, 240});
  auto const none = test::to_matrix({}, 0, 2);
  REQUIRE(gates::sum_over_pools<double>(ExecSpace(), none, TokenIds(), pool) == std::vector<double>(6, 0.0));
}
