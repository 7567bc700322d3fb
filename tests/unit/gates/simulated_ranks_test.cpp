#include "unit/gates/simulated_ranks.hpp"

#include "support/catch.hpp"

using namespace moescope;
using test::SimulatedRanks;

TEST_CASE("simulated ranks sum and gather over all of them, an empty one included, in the order of tokens") {
  SimulatedRanks ranks({{{0, 1}, {3, 4}}, {}, {{1, 3}}});
  std::vector<double> sums;
  std::vector<std::vector<double>> gathered;
  ranks.run([&](std::size_t rank, PoolExchange& pool) {
    std::vector<double> value = {double(rank + 1)};
    pool.sum(value);
    std::vector<double> const rows(rank == 1 ? 0 : 2, 10.0 * double(rank) + value[0]);
    auto const all = pool.gather(rows, 1);
    sums.push_back(value[0]);
    gathered.push_back(all);
  });
  REQUIRE(sums == std::vector<double>{6, 6, 6});
  REQUIRE(gathered == std::vector<std::vector<double>>(3, {6, 26, 26, 6}));
  REQUIRE(ranks.num_sums() == 1);
  REQUIRE(ranks.num_gathers() == 1);
}

TEST_CASE("simulated ranks refuse ranks that disagree on the exchanges") {
  std::vector<double> value = {1};
  SimulatedRanks one_silent({{{0, 1}}, {{1, 2}}});
  REQUIRE_THROWS_AS(one_silent.run([&](std::size_t rank, PoolExchange& pool) {
    if (rank == 0) pool.sum(value);
  }),
                    std::logic_error);
  SimulatedRanks different({{{0, 1}}, {{1, 2}}});
  REQUIRE_THROWS_AS(different.run([&](std::size_t rank, PoolExchange& pool) {
    if (rank == 0)
      pool.sum(value);
    else
      pool.gather(value, 1);
  }),
                    std::logic_error);
}
