#include "comm/communicator.hpp"

#include <cmath>
#include <limits>
#include <new>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"

using namespace moescope;

namespace {

/// Message of the UserError that `action` throws, or "none".
template <class Action>
std::string user_error(Action&& action) {
  try {
    action();
  } catch (UserError const& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("split makes groups of equal color, ordered by key") {
  auto const world = Communicator::world();
  auto const part = world.split(world.rank() % 2, -world.rank());
  auto const others = (world.size() - world.rank() % 2 + 1) / 2;
  MPI_REQUIRE(world, part.size() == others);
  MPI_REQUIRE(world, part.rank() == others - 1 - world.rank() / 2);
}

TEST_CASE("gather concatenates in rank order on root, empty contributions included") {
  auto const world = Communicator::world();
  auto const root = world.size() - 1;
  std::vector<std::int64_t> const own(std::size_t(world.rank()), world.rank());
  std::vector<double> const halves(own.begin(), own.end());
  std::vector<std::int64_t> counts, expected_counts, expected;
  for (int r = 0; r < world.size() && world.rank() == root; ++r) {
    expected_counts.push_back(r);
    expected.insert(expected.end(), std::size_t(r), r);
  }
  auto const integers = world.gather(std::span(own), root, &counts);
  auto const doubles = world.gather(std::span(halves), root);
  MPI_REQUIRE(world, integers == expected);
  MPI_REQUIRE(world, counts == expected_counts);
  MPI_REQUIRE(world, doubles == std::vector<double>(expected.begin(), expected.end()));
}

TEST_CASE("texts of different length are gathered one by one") {
  auto const world = Communicator::world();
  auto const texts = world.gather(std::string(std::size_t(2 * world.rank()), char('a' + world.rank())), 0);
  std::vector<std::string> expected;
  for (int r = 0; r < world.size() && world.rank() == 0; ++r) expected.emplace_back(std::size_t(2 * r), char('a' + r));
  MPI_REQUIRE(world, texts == expected);
}

TEST_CASE("broadcast brings length and bytes of root") {
  auto const world = Communicator::world();
  auto const root = world.size() - 1;
  std::vector<char> bytes(std::size_t(world.rank() == root ? 5 : 2), char('0' + world.rank()));
  world.broadcast(bytes, root);
  MPI_REQUIRE(world, bytes == std::vector<char>(5, char('0' + root)));
}

TEST_CASE("sums and maxima are equal on every rank; sums run in rank order; a NaN is never lost") {
  auto const world = Communicator::world();
  auto const ranks = std::int64_t(world.size());
  MPI_REQUIRE(world, world.sum(std::int64_t(world.rank() + 1)) == ranks * (ranks + 1) / 2);
  double const parts[] = {1e16, -1e16, 1, 1};  // from the back the ones would vanish
  double in_order = 0;
  for (int r = 0; r < world.size(); ++r) in_order += parts[r % 4];
  auto const sum = world.sum(parts[world.rank() % 4]);
  MPI_REQUIRE(world, sum == in_order);
  MPI_REQUIRE(world, world.max(-double(world.rank())) == 0.0);
  for (int r = 0; r < world.size(); ++r) {
    auto const worst = world.max(world.rank() == r ? std::numeric_limits<double>::quiet_NaN() : 1.0);
    MPI_REQUIRE(world, std::isnan(worst));
  }
}

TEST_CASE("want of memory is agreed on with what would help") {
  auto const world = Communicator::world();
  auto const message = user_error([&] { agreed(world, [] { throw std::bad_alloc(); }); });
  MPI_REQUIRE(world, message == "ran out of memory (std::bad_alloc); use more ranks, more batch.micro_steps or a smaller model");
}

TEST_CASE("agreed returns where no rank failed") {
  auto const world = Communicator::world();
  auto const message = user_error([&] { agreed(world, [] {}); });
  MPI_REQUIRE(world, message == "none");
}

TEST_CASE("vectors are summed element by element, empty ones without a call") {
  auto const world = Communicator::world();
  std::int64_t const n = world.size();
  auto const sums = world.sum(std::vector<std::int64_t>{world.rank(), 1, -world.rank()});
  auto const none = world.sum(std::vector<std::int64_t>{});
  MPI_REQUIRE(world, sums == std::vector<std::int64_t>{n * (n - 1) / 2, n, -n * (n - 1) / 2} && none.empty());
}

TEST_CASE("one failing rank makes every rank throw its message, with its number") {
  auto const world = Communicator::world();
  for (int bad = 0; bad < world.size(); ++bad) {
    auto const message = user_error([&] {
      agreed(world, [&] {
        if (world.rank() == bad) throw std::runtime_error("file is short");
      });
    });
    auto const prefix = world.size() == 1 ? std::string() : "rank " + std::to_string(bad) + ": ";
    MPI_REQUIRE(world, message == prefix + "file is short");
  }
}

TEST_CASE("the same failure on all ranks is told once, different ones by the lowest rank's") {
  auto const world = Communicator::world();
  auto const same = user_error([&] { agreed(world, [] { throw UserError("no such key"); }); });
  MPI_REQUIRE(world, same == "no such key");
  auto const mixed = user_error([&] { agreed(world, [&] { throw UserError("from " + std::to_string(world.rank())); }); });
  MPI_REQUIRE(world, mixed == (world.size() == 1 ? "from 0" : "rank 0: from 0"));
}

TEST_CASE("an error without words is still the error of its rank") {
  auto const world = Communicator::world();
  auto const message = user_error([&] {
    agreed(world, [&] {
      if (world.rank() == 0) throw UserError("");
    });
  });
  MPI_REQUIRE(world, message == (world.size() == 1 ? "" : "rank 0: "));
}

TEST_CASE("what is thrown need not be a std::exception") {
  auto const world = Communicator::world();
  auto const message = user_error([&] { agreed(world, [] { throw 1; }); });
  MPI_REQUIRE(world, message == "an error of unknown type");
}

TEST_CASE("the MPI library names itself in one line") {
  CHECK(mpi_library().size() > 5);
  CHECK(mpi_library().find_first_of("\n\t") == std::string::npos);
}
