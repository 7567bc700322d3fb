#pragma once
#include "step/trainer.hpp"

namespace moescope {

/// What follows a step that was measured: the rank's step is computed anew from what was routed, a tenth of the parameters,
/// another one each time, is compared between the ranks that hold copies, the reports are gathered, and what the step must not
/// lose is counted. Then rank 0 has every rank's report and, in `failure`, a sentence about the first check that failed. The time
/// is checks_seconds of each rank and phase `checks`, not the step's. Collective.
template <class T>
void check_step(Trainer<T>& trainer, StepReport& report);

/// A step, then its checks.
template <class T>
StepReport checked_step(Trainer<T>& trainer, BatchSource const& source, std::int64_t step, std::int64_t num_domains) {
  auto report = trainer.step(source, step, num_domains);
  check_step(trainer, report);
  return report;
}

}  // namespace moescope
