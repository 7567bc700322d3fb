#include "energy/energy_meter.hpp"

#include <limits>

#include "base/error.hpp"

namespace moescope {

double joules_between(std::int64_t before, std::int64_t after, std::int64_t range) {
  if (before < 0 || after < 0) return std::numeric_limits<double>::quiet_NaN();
  return double(after >= before ? after - before : after + (range - before)) / 1e6;
}

EnergyMeter::EnergyMeter(std::vector<EnergyCounter> counters, std::size_t width) : counters_(std::move(counters)), width_(width) {
  MOESCOPE_CHECK(counters_.size() <= width_);
  start();
}

void EnergyMeter::start() {
  before_.clear();
  for (auto const& counter : counters_) before_.push_back(counter.microjoules());
}

std::vector<double> EnergyMeter::joules() const {
  std::vector<double> result(width_, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < counters_.size(); ++i)
    result[i] = joules_between(before_[i], counters_[i].microjoules(), counters_[i].range);
  return result;
}

}  // namespace moescope
