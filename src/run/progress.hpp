#pragma once
#include <cstdint>
#include <string>

#include "step/step_report.hpp"

namespace moescope {

/// One status line on stderr that is rewritten at each step: step, loss, tokens/s, imbalance, time left. Silent unless
/// `shown`.
class Progress {
 public:
  /// A launch that begins with step number `first_step` of `steps`.
  Progress(std::int64_t first_step, std::int64_t steps, bool shown);
  /// Clears the line, so that what is printed next, be it an error, starts on a clean one.
  ~Progress();
  Progress(Progress const&) = delete;
  Progress& operator=(Progress const&) = delete;
  void show(StepReport const& report, std::int64_t num_experts);

 private:
  std::int64_t const first_step_, steps_;
  bool const shown_;
  double const begin_;
  double last_ = 0;
};

/// `auto`: stderr is a terminal (under a launcher usually not the user's), `always`, `never`.
bool progress_shown(std::string const& choice, int rank);

}  // namespace moescope
