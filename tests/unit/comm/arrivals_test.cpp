#include "comm/arrivals.hpp"

#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "base/region.hpp"
#include "comm/exchange.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"

using namespace moescope;

TEST_CASE("an exchange's time is the wait for the last to come and what follows") {
  auto const early = wait_and_transfer(1.0, 4.0, 3.5);
  CHECK(early.wait == 2.5);
  CHECK(early.transfer == 0.5);
  auto const late = wait_and_transfer(3.5, 4.0, 3.5);
  CHECK(late.wait == 0);
  CHECK(late.transfer == 0.5);
}

TEST_CASE("a rank that left before the last one came waited no longer than it stayed; its transfer is negative") {
  auto const gone = wait_and_transfer(1.0, 2.0, 5.0);
  CHECK(gone.wait == 1.0);
  CHECK(gone.transfer == -3.0);
}

namespace {

Mesh world_mesh(Communicator const& world) {
  return Mesh(world, Layout(LayoutConfig(), world.size()),
              {{"sum", Axis::world, traffic::Operation::all_reduce}, {"rows", Axis::dp, traffic::Operation::all_to_all}});
}

std::vector<LedgerEntry> separated(Mesh& mesh) {
  auto const stamps = mesh.ledger().stamps();
  auto entries = mesh.ledger().take();
  separate_waiting(mesh, stamps, entries);
  return entries;
}

}  // namespace

TEST_CASE("only peers with rows are waited for") {
  auto const world = Communicator::world();
  if (world.size() == 1) return;
  auto mesh = world_mesh(world);
  // By hand: rank r comes at r and leaves at 10; ranks 0 and 1 exchange rows with each other, the others with nobody.
  auto const me = std::size_t(world.rank());
  std::vector<bool> with_rows(std::size_t(world.size()));
  if (me < 2) with_rows[1 - me] = true;
  mesh.ledger().add({1, Axis::dp, 1, double(me), 10.0, with_rows});
  auto const entry = separated(mesh)[1];
  MPI_REQUIRE(world, entry.wait_seconds == (me == 0 ? 1.0 : 0.0));
  MPI_REQUIRE(world, entry.transfer_seconds == (me < 2 ? 9.0 : 10.0 - double(me)));
}

TEST_CASE("clocks that differ by a known offset are brought to rank 0's") {
  auto const world = Communicator::world();
  if (world.size() == 1) return;
  auto mesh = world_mesh(world);
  double const ahead = 1000.0 * world.rank();
  mesh.set_clock_offset(ahead);
  mesh.ledger().add({0, Axis::world, 1, ahead + (world.rank() == 0 ? 2.0 : 3.0), ahead + 4.0, {}});
  auto const entry = separated(mesh)[0];
  MPI_REQUIRE(world, entry.wait_seconds == (world.rank() == 0 ? 1.0 : 0.0));
  MPI_REQUIRE(world, entry.transfer_seconds == 1.0);
}

TEST_CASE("ranks of a group that stamped different exchanges are an error that names both") {
  auto const world = Communicator::world();
  if (world.size() == 1) return;
  auto mesh = world_mesh(world);
  bool const last = world.rank() == world.size() - 1;
  auto const refusal = [&] {
    try {
      separated(mesh);
    } catch (std::logic_error const& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  mesh.ledger().add({0, Axis::world, 1, 0, 1, {}});
  if (!last) mesh.ledger().add({0, Axis::world, 2, 1, 2, {}});
  auto const on_last = " on rank " + std::to_string(world.size() - 1);
  MPI_REQUIRE(world, refusal() == "exchange 1 of the group 'world' is 'sum' at place 2 on rank 0 and none" + on_last);
  mesh.ledger().add({0, Axis::world, last ? 4 : 3, 0, 1, {}});
  MPI_REQUIRE(world, refusal() == "exchange 0 of the group 'world' is 'sum' at place 3 on rank 0 and 'sum' at place 4" + on_last);
}

TEST_CASE("ranks of one host share a clock, which the estimate finds within its error") {
  auto const world = Communicator::world();
  auto const clock = estimate_clock_offset(world);
  MPI_REQUIRE(world, std::abs(clock.offset) <= clock.error);
  MPI_REQUIRE(world, world.rank() == 0 ? clock.error == 0 : clock.error > 0);
}

/// Reports how well the split recovers delays of 0, 5 and 20 % of a step on one rank, and asserts what no load can change: a
/// rank's wait is what lay between its entry and the last one's, and wait and transfer make up its time in the exchange.
TEST_CASE("known delays on one rank appear as the others' wait") {
  auto const world = Communicator::world();
  if (world.size() == 1) return;
  auto mesh = world_mesh(world);
  constexpr double step = 0.1;  // s
  constexpr int steps = 5;
  for (double const share : {0.0, 0.05, 0.2}) {
    double late = 0, wait = 0, transfer = 0;
    bool exact = true;
    for (int i = 0; i < steps; ++i) {
      Vector<double> const values("test::values", 1000);
      world.barrier();
      auto const begin = now();
      bool const delayed = world.rank() == world.size() - 1;
      if (delayed) usleep(useconds_t(1e6 * step * share));
      late += delayed ? now() - begin : 0;
      start_all_reduce<double>(ExecSpace(), mesh, mesh.exchange("sum"), Reduction::sum, values).wait();
      auto const stamp = mesh.ledger().stamps().front();
      auto const entry = separated(mesh)[0];
      wait += entry.wait_seconds;
      transfer += entry.transfer_seconds;
      auto const last = world.max(stamp.entry);
      exact = exact && entry.wait_seconds == last - stamp.entry;
      exact = exact && std::abs(entry.wait_seconds + entry.transfer_seconds - (stamp.exit - stamp.entry)) <= 1e-9;
      exact = exact && entry.transfer_seconds > 0;
    }
    MPI_REQUIRE(world, exact);
    auto const injected = world.max(late), others = world.sum(world.rank() == world.size() - 1 ? 0.0 : wait);
    auto const mean = others / double(world.size() - 1);
    auto const transfers = world.sum(transfer) / double(world.size());
    if (world.rank() == 0)
      std::printf(
          "delay of %2.0f %% of a step on the last of %d ranks: %.2f ms a step injected, %.2f ms found as the others' wait, "
          "%.3f ms transfer\n",
          100 * share, world.size(), 1e3 * injected / steps, 1e3 * mean / steps, 1e3 * transfers / steps);
  }
}
