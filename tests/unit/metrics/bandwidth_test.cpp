#include "metrics/bandwidth.hpp"

#include <stdexcept>

#include "support/catch.hpp"

using namespace moescope::metrics;

TEST_CASE("Bus factors are nccl-tests' for the group's size") {
  CHECK(bus_factor("all_reduce", 4) == 1.5);
  CHECK(bus_factor("all_gather", 4) == 0.75);
  CHECK(bus_factor("reduce_scatter", 8) == 0.875);
  CHECK(bus_factor("all_to_all", 8) == 1);
  for (auto const* operation : {"all_reduce", "all_gather", "reduce_scatter", "all_to_all"}) CHECK(bus_factor(operation, 1) == 0);
  CHECK_THROWS_AS(bus_factor("broadcast", 2), std::logic_error);
}

TEST_CASE("Bandwidths are bytes per second") {
  CHECK(algbw(8e9, 2) == 4e9);
  CHECK(busbw(8e9, 2, "all_reduce", 4) == 6e9);
  CHECK(busbw(8e9, 2, "all_to_all", 4) == 4e9);
}

TEST_CASE("Wire bytes are payload times factor, to the nearest byte") {
  CHECK(wire_bytes(1000, "all_reduce", 2) == 1000);
  CHECK(wire_bytes(1000, "all_reduce", 3) == 1333);
  CHECK(wire_bytes(1001, "all_gather", 3) == 667);
  CHECK(wire_bytes(1000, "all_to_all", 3) == 1000);
  CHECK(wire_bytes(0, "all_to_all", 3) == 0);
}
