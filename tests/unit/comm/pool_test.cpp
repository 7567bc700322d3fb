#include "comm/pool.hpp"

#include <array>
#include <numeric>

#include "layout/shared_pools.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"
#include "support/pmpi_counter.hpp"
#include "unit/comm/meshes.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

std::vector<traffic::Collective> pool_exchanges() {
  return {{std::string(traffic::names::stage_pool_sum), Axis::stage, traffic::Operation::all_reduce},
          {std::string(traffic::names::stage_pool_gather), Axis::stage, traffic::Operation::all_gather}};
}

}  // namespace

TEST_CASE("a pool over ranks adds and gathers in the order of tokens, ranks without tokens included") {
  auto const world = Communicator::world();
  Mesh mesh(world, Layout(LayoutConfig(), world.size()), pool_exchanges());
  MeshPool pool(mesh);
  std::vector<std::vector<Range>> owned;
  std::int64_t token = 0;
  std::vector<double> expected, own;
  for (std::int64_t r = 0; r < world.size(); ++r) {
    auto const count = (r + 1) % 3;  // the third rank owns none
    owned.push_back(count ? std::vector<Range>{{token, token + count}} : std::vector<Range>{});
    token += count;
    for (std::int64_t i = 0; i < count * 2; ++i) {
      expected.push_back(mark(r, 0, 0, i));
      if (r == world.rank()) own.push_back(mark(r, 0, 0, i));
    }
  }
  pool.set_sharers(Axis::stage, owned);
  std::vector<double> sums{double(world.rank()), 1};
  pmpi_counter::take();
  pool.sum(sums);
  auto const gathered = pool.gather(own, 2);
  auto counted = pmpi_counter::take();
  auto const entries = mesh.ledger().take();
  auto const ranks = double(world.size());
  MPI_REQUIRE(world, sums == std::vector<double>{ranks * (ranks - 1) / 2, ranks});
  MPI_REQUIRE(world, gathered == expected);
  bool const alone = world.size() == 1;
  CHECK(entries[0].volume.payload_bytes == (alone ? 0 : 16));
  CHECK(entries[1].volume.payload_bytes == (alone ? 0 : std::int64_t(expected.size()) * 8));
  CHECK(counted["all_reduce"].bytes == entries[0].volume.payload_bytes);
  CHECK(counted["all_gather"].bytes == entries[1].volume.payload_bytes);
}

TEST_CASE("a pool that one rank owns is exchanged with nobody") {
  auto const world = Communicator::world();
  Mesh mesh(world, Layout(LayoutConfig(), world.size()), pool_exchanges());
  MeshPool pool(mesh);
  pool.set_sharers(Axis::tp, {{{0, 2}}});
  std::vector<double> sums{double(world.rank())};
  std::vector<double> const rows{double(world.rank()), 1};
  pmpi_counter::take();
  pool.sum(sums);
  auto const gathered = pool.gather(rows, 1);
  auto const counted = pmpi_counter::take();
  MPI_REQUIRE(world, sums[0] == double(world.rank()));
  MPI_REQUIRE(world, gathered == rows);
  MPI_REQUIRE(world, counted.empty());
}

TEST_CASE("a pool gathers in the order of the tokens, also where ranks are in another one") {
  auto const world = Communicator::world();
  LayoutConfig config;
  config.tp = world.size() % 2 == 0 ? 2 : 1;
  config.order = "dp-tp-ep";
  Layout const layout(config, world.size());
  Mesh mesh(world, layout, pool_exchanges());
  MeshPool pool(mesh);
  BatchConfig const batch{world.size() / config.tp, config.tp, 1};  // one token a rank
  pool.set_sharers(Axis::stage, owned_token_runs(layout, batch, Axis::stage, world.rank()));
  // Token t is that of tp rank t % tp in dp rank t / tp.
  auto const token = layout.coordinate(Axis::dp, world.rank()) * config.tp + layout.coordinate(Axis::tp, world.rank());
  auto const gathered = pool.gather(std::vector<double>{double(token)}, 1);
  bool in_order = true;
  for (std::size_t t = 0; t < gathered.size(); ++t) in_order = in_order && gathered[t] == double(t);
  MPI_REQUIRE(world, in_order);
  if (world.size() == 4) MPI_REQUIRE(world, token == std::array{0, 2, 1, 3}[std::size_t(world.rank())]);
}

TEST_CASE("a gather that does not match the owned tokens is a programmer's error") {
  auto const world = Communicator::world();
  Mesh mesh(world, Layout(LayoutConfig(), world.size()), pool_exchanges());
  MeshPool pool(mesh);
  std::vector<double> const rows(3);
  CHECK_THROWS_AS(pool.gather(rows, 1), std::logic_error);
  pool.set_sharers(Axis::stage, std::vector<std::vector<Range>>(std::size_t(world.size()), {{0, 2}}));
  CHECK_THROWS_AS(pool.gather(rows, 1), std::logic_error);
}

TEST_CASE("a pool whose ranks own interleaved runs is gathered in the order of tokens") {
  auto const world = Communicator::world();
  Mesh mesh(world, Layout(LayoutConfig(), world.size()), pool_exchanges());
  MeshPool pool(mesh);
  std::int64_t const ranks = world.size(), mine = world.rank();
  std::vector<std::vector<Range>> owned;
  for (std::int64_t r = 0; r < ranks; ++r) owned.push_back({{r, r + 1}, {2 * ranks - 1 - r, 2 * ranks - r}});  // zig-zag
  pool.set_sharers(Axis::stage, owned);
  std::vector<double> const rows{double(mine), double(2 * ranks - 1 - mine)};
  std::vector<double> expected(std::size_t(2 * ranks));
  std::iota(expected.begin(), expected.end(), 0.0);
  MPI_REQUIRE(world, pool.gather(rows, 1) == expected);
}
