#include <numeric>

#include "bench/message.hpp"
#include "support/catch.hpp"

using namespace moescope;
using bench::message;

namespace {

bench::Benchmark const& named(std::string_view name) {
  for (auto const& benchmark : bench::benchmarks())
    if (benchmark.name == name) return benchmark;
  FAIL("no benchmark is called so");
  return bench::benchmarks().front();
}

}  // namespace

TEST_CASE("An all_reduce takes all elements that fit") {
  auto const m = message(named("all_reduce"), 1003, 4, 3, 1.5);
  CHECK(m.count == 250);
  CHECK(m.elements == 250);
  CHECK(m.payload(2) == 250);
  CHECK(m.bus_payload() == 250);
}

TEST_CASE("The other messages are rounded down to a multiple of the members") {
  for (auto const* name : {"all_gather", "reduce_scatter", "all_to_all"}) {
    auto const m = message(named(name), 1003, 4, 3, 1.5);
    CHECK(m.count == 83);
    CHECK(m.elements == 249);
    CHECK(m.parts == std::vector<std::int64_t>{83, 83, 83});
  }
  CHECK(message(named("all_gather"), 1003, 4, 3, 1).payload(0) == 249);
  CHECK(message(named("all_to_all"), 1003, 4, 3, 1).payload(0) == 166);
  CHECK(message(named("all_to_all"), 1003, 4, 3, 1).bus_payload() == 166);
}

TEST_CASE("A skewed all_to_all sends member 0 a multiple of the mean and the rest to the others") {
  auto const m = message(named("all_to_all_skewed"), 4 * 400, 4, 4, 2.5);
  CHECK(m.count == 100);
  CHECK(m.parts == std::vector<std::int64_t>{250, 50, 50, 50});
  CHECK(m.payload(0) == 150);
  CHECK(m.payload(3) == 350);
  CHECK(m.bus_payload() == 750);  // three members send 250 each to member 0
}

TEST_CASE("A skew of 1 is the even all_to_all, and one of all members sends everything to member 0") {
  for (std::int64_t const members : {2, 3, 5}) {
    auto const even = message(named("all_to_all_skewed"), 8000, 8, members, 1);
    CHECK(even.parts == message(named("all_to_all"), 8000, 8, members, 1).parts);
    auto const all = message(named("all_to_all_skewed"), 8000, 8, members, double(members));
    CHECK(all.parts.front() == all.elements);
    CHECK(all.payload(0) == 0);
  }
}

TEST_CASE("The parts of any message sum to its elements") {
  for (auto const& benchmark : bench::benchmarks())
    for (std::int64_t const members : {2, 3, 7})
      for (std::int64_t const bytes : {56, 1000, 65537}) {
        auto const m = message(benchmark, bytes, 8, members, 1.7);
        CHECK(std::accumulate(m.parts.begin(), m.parts.end(), std::int64_t(0)) == m.elements);
        CHECK(m.elements * 8 <= bytes);
      }
}
