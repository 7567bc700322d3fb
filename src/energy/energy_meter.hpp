#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace moescope {

/// A counter that a machine keeps of the energy it has used since whenever.
struct EnergyCounter {
  std::string name;
  std::int64_t range = 0;                     ///< microjoules after which it begins again at 0
  std::function<std::int64_t()> microjoules;  ///< -1 where it cannot be read
};

/// What a host offers.
struct EnergyCounters {
  std::vector<EnergyCounter> found;
  std::string absent;  ///< why there is none, naming the file; empty where there are some
};

/// From one reading of a counter to the next, between which it may have begun again once; NaN where one could not be read.
double joules_between(std::int64_t before, std::int64_t after, std::int64_t range);

/// Joules of some counters between two moments.
class EnergyMeter {
 public:
  EnergyMeter() = default;
  /// `width`: at least as many as there are counters, so that all ranks tell as many numbers.
  EnergyMeter(std::vector<EnergyCounter> counters, std::size_t width);

  void start();
  /// Since start(), [width]; NaN where there is no such counter.
  std::vector<double> joules() const;

 private:
  std::vector<EnergyCounter> counters_;
  std::size_t width_ = 0;
  std::vector<std::int64_t> before_;
};

}  // namespace moescope
