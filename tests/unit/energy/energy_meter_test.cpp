#include "energy/energy_meter.hpp"

#include <cmath>
#include <memory>

#include "support/catch.hpp"

using namespace moescope;

TEST_CASE("joules between two readings, also where the counter began again at 0 between them") {
  CHECK(joules_between(1'000'000, 3'500'000, 10'000'000) == 2.5);
  CHECK(joules_between(7, 7, 10'000'000) == 0);
  CHECK(joules_between(9'000'000, 1'000'000, 10'000'000) == 2);
  CHECK(joules_between(262143328849, 1'000'000, 262143328850) == Approx(1.000001));
  CHECK(std::isnan(joules_between(-1, 5, 10)));
  CHECK(std::isnan(joules_between(5, -1, 10)));
}

TEST_CASE("a meter tells of each counter what it counted since the start, and fills its width") {
  auto const first = std::make_shared<std::int64_t>(5'000'000), second = std::make_shared<std::int64_t>(900);
  EnergyMeter meter({{"first", 6'000'000, [first] { return *first; }}, {"second", 1000, [second] { return *second; }}}, 3);
  *first = 5'500'000;
  meter.start();
  *first = 500'000;  // and began again at 6'000'000
  *second = -1;
  auto const joules = meter.joules();
  REQUIRE(joules.size() == 3);
  CHECK(joules[0] == 1);
  CHECK(std::isnan(joules[1]));
  CHECK(std::isnan(joules[2]));
}

TEST_CASE("a meter without counters tells nothing, in as many numbers as others") {
  CHECK(EnergyMeter().joules().empty());
  EnergyMeter meter({}, 2);
  meter.start();
  CHECK(meter.joules().size() == 2);
  CHECK(std::isnan(meter.joules()[1]));
}
