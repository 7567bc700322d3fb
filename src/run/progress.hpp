#pragma once
#include <cstdint>
#include <string>

#include "config/run_config.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// How a run tells on stderr how far it is. `status_line`: one that is rewritten; `lines`: one at the first step, one at least
/// `seconds` later, and so on, and one at the last step, however the run ends.
enum class ProgressForm { silent, status_line, lines };

/// As the command line has it. `choice`: auto (a status line where stderr is a terminal; under a launcher it usually is not the
/// user's), always (a status line), lines, never.
struct ProgressChoice {
  std::string choice = "auto";
  std::int64_t seconds = 30;  ///< between lines; 0: a line for each step
};
ProgressForm progress_form(ProgressChoice const& choice, int rank);

/// Step, loss, tokens/s since the launch began with its steps, imbalance (run/worst_imbalance.hpp), time left.
class Progress {
 public:
  /// A launch that begins with step number `first_step` of `steps`.
  Progress(std::int64_t first_step, std::int64_t steps, ProgressForm form, std::int64_t seconds);
  /// Clears the status line, so that what is printed next, be it an error, starts on a clean one; or prints the last line that
  /// was held back.
  ~Progress();
  Progress(Progress const&) = delete;
  Progress& operator=(Progress const&) = delete;
  void show(RunConfig const& config, StepReport const& report);

 private:
  bool due(std::int64_t done);
  std::string line(RunConfig const& config, StepReport const& report) const;

  std::int64_t const first_step_, steps_;
  ProgressForm const form_;
  double const seconds_, begin_;
  double next_ = 0;
  std::string held_back_;
};

}  // namespace moescope
