#include "comm/detail/mpi_call.hpp"

#include <array>

#include "base/error.hpp"
#include "comm/detail/ledgered_call.hpp"
#include "support/catch.hpp"

using namespace moescope;

TEST_CASE("a count beyond MPI's int is refused with the exchange's name and both numbers") {
  std::int64_t const largest = 2147483647;
  CHECK(mpi::count(0, "rows", "ep.dispatch.forward") == 0);
  CHECK(mpi::count(largest, "rows", "ep.dispatch.forward") == 2147483647);
  CHECK_THROWS_AS(mpi::count(largest + 1, "rows", "ep.dispatch.forward"), UserError);
  CHECK_THROWS_WITH(mpi::count(largest + 1, "rows", "ep.dispatch.forward"),
                    "exchange 'ep.dispatch.forward' needs 2147483648 rows in one MPI call, which counts up to 2147483647; use "
                    "more ranks or more micro_steps");
  CHECK_THROWS_AS(mpi::count(-1, "rows", "ep.dispatch.forward"), std::logic_error);
}

TEST_CASE("displacements are checked as well as counts") {
  auto const half = std::int64_t(1) << 30;
  auto const blocks = mpi::blocks({3, 0, 4}, "rows", "x");
  CHECK(blocks.counts == std::vector<int>{3, 0, 4});
  CHECK(blocks.displacements == std::vector<int>{0, 3, 3});
  CHECK(blocks.total == 7);
  CHECK_THROWS_AS(mpi::blocks({half, half, 1}, "rows", "x"), UserError);
  CHECK_THROWS_AS(mpi::blocks({3 * half}, "rows", "x"), UserError);
}

TEST_CASE("an MPI error becomes text with rank, communicator and call") {
  auto const world = Communicator::world();
  int value = 0;
  int const code = MPI_Send(&value, 1, MPI_INT, world.size(), 0, mpi::handle(world));  // no such rank
  REQUIRE(code != MPI_SUCCESS);
  auto const text = mpi::error_text(code, "MPI_Send", mpi::handle(world));
  std::array<char, MPI_MAX_ERROR_STRING> reason{};
  int length = 0;
  MPI_Error_string(code, reason.data(), &length);
  REQUIRE(length > 0);
  CHECK(text == "rank " + std::to_string(world.rank()) + " of 'world': MPI_Send failed: " + reason.data());
}

TEST_CASE("reducing types are never below float") {
  CHECK(mpi::reducing_type<float>() == MPI_FLOAT);
  CHECK(mpi::reducing_type<double>() == MPI_DOUBLE);
}
