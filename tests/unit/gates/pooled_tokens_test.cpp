#include <limits>
#include <numeric>

#include "gates/pooled/choices.hpp"
#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using gates::Choices;

TEST_CASE("a rank takes its tokens' choices and rows from those of the pools, wherever they stand in them") {
  PoolShape const shape{.first_id = 20, .tokens = 9, .tokens_in_pool = 3, .pools_in_step = 6};
  gates::PooledTokens const pools(shape, TokenIds({{21, 22}, {26, 28}}));
  CHECK(pools.count() == 3);
  CHECK((pools.has_owned(0) && !pools.has_owned(1) && pools.has_owned(2)));
  auto const own = pools.owned(std::vector<Choices>{{{0, 1, 3, 3}, {4, 5, 6}}, {}, {{0, 0, 2, 3}, {7, 8, 9}}});
  CHECK(own.offsets == std::vector<int>{0, 2, 2, 4});
  CHECK(own.expert == std::vector<int>{5, 6, 7, 8});
  auto const rows = pools.owned(std::vector<std::vector<double>>{{1, 2, 3, 4, 5, 6}, {}, {7, 8, 9, 10, 11, 12}}, 2);
  CHECK(rows == std::vector<double>{3, 4, 7, 8, 9, 10});
  std::vector<double> gathered(9 * 2);
  std::iota(gathered.begin(), gathered.end(), 0.0);
  auto const middle = pools.rows(gathered, 2, 1);
  CHECK(std::vector(middle.begin(), middle.end()) == std::vector<double>{6, 7, 8, 9, 10, 11});
}

TEST_CASE("a rank without tokens has no choices, and none of its pools holds one") {
  gates::PooledTokens const pools({.first_id = 20, .tokens = 4, .tokens_in_pool = 2, .pools_in_step = 2}, {});
  CHECK((!pools.has_owned(0) && !pools.has_owned(1)));
  CHECK(pools.owned(std::vector<Choices>(2)).offsets == std::vector<int>{0});
}

TEST_CASE("a token's experts are sorted by score, ties to the lower expert, what is no number last") {
  double const not_a_number = std::numeric_limits<double>::quiet_NaN();
  auto const sorted = gates::best_first({{0, 3, 3, 6}, {0, 1, 3, 2, 1, 0}},
                                        std::vector{1., 3., 9., 3., 0., 0., 0., 0., 5., not_a_number, -1., 0.}, 4);
  CHECK(sorted.offsets == std::vector<int>{0, 3, 3, 6});
  CHECK(sorted.expert == std::vector<int>{1, 3, 0, 0, 2, 1});
}

TEST_CASE("ragged choices become a routing that keeps all") {
  auto const routing = gates::to_routing<float>(ExecSpace(), {{0, 2, 2, 3}, {4, 1, 0}}, 5);
  CHECK(routing.num_tokens == 3);
  CHECK(routing.num_choices == 3);
  CHECK(routing.num_experts == 5);
  CHECK(test::to_vector(routing.offsets) == std::vector<int>{0, 2, 2, 3});
  CHECK(test::to_vector(routing.expert) == std::vector<int>{4, 1, 0});
  CHECK(test::to_vector(routing.kept) == std::vector<int>{1, 1, 1});
  CHECK(routing.weight.size() == 3);
}
