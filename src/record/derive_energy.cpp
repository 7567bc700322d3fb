#include <limits>

#include "record/rows.hpp"

namespace moescope::record {
namespace {

double joules_of(EnergySensor const& sensor, StepReport const& report) {
  return report.ranks.at(std::size_t(sensor.rank)).energy_joules.at(sensor.index);
}

}  // namespace

Rows energy_rows(RunFileSetup const& setup, StepReport const& report) {
  std::vector<double> joules;
  for (auto const& sensor : setup.energy.sensors) joules.push_back(joules_of(sensor, report));
  bool const known = setup.energy.whole && speed_means_something(setup);
  double sum = known ? 0 : std::numeric_limits<double>::quiet_NaN();
  for (auto const value : joules) sum += value;
  return {{"/raw/energy_joules", joules},
          {"/derived/joules", std::vector{sum}},
          {"/derived/joules_per_token", std::vector{sum / double(report.tokens)}}};
}

}  // namespace moescope::record
