#include "energy/nvml.hpp"

#include <cstdlib>

#include "support/catch.hpp"

using namespace moescope;

namespace {

std::string reason_where_fails(char const* what) {
  setenv("FAKE_NVML_FAILS", what, 1);
  auto const counters = open_nvml(FAKE_NVML);
  unsetenv("FAKE_NVML_FAILS");
  CHECK(counters.found.empty());
  return counters.absent;
}

}  // namespace

TEST_CASE("each GPU of the host is a counter in microjoules") {
  auto const counters = open_nvml(FAKE_NVML);
  REQUIRE(counters.found.size() == 2);
  CHECK(counters.absent.empty());
  CHECK(counters.found[0].name == "gpu-0");
  CHECK(counters.found[1].name == "gpu-1");
  EnergyMeter meter(counters.found, 3);
  meter.start();
  auto const joules = meter.joules();
  CHECK(joules[0] == 2.5);
  CHECK(joules[1] == 2.5);
}

TEST_CASE("a reading that fails later is no number") {
  auto const counters = open_nvml(FAKE_NVML);
  EnergyMeter meter(counters.found, 2);
  meter.start();
  setenv("FAKE_NVML_FAILS", "energy", 1);
  auto const joules = meter.joules();
  unsetenv("FAKE_NVML_FAILS");
  CHECK(joules[0] == 2.5);
  CHECK(std::isnan(joules[1]));
}

TEST_CASE("where NVML has no energy to tell, the reason names what failed") {
  CHECK(reason_where_fails("init") == "nvmlInit_v2: Driver Not Loaded");
  CHECK(reason_where_fails("count") == "NVML knows no GPU");
  CHECK(reason_where_fails("energy") == "nvmlDeviceGetTotalEnergyConsumption of GPU 1: Not Supported");
  CHECK_THAT(open_nvml("/nowhere/libnvidia-ml.so.1").absent, Catch::Contains("/nowhere/libnvidia-ml.so.1"));
}
