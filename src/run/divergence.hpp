#pragma once
#include <string>

#include "run/recorder.hpp"
#include "step/trainer.hpp"

namespace moescope {

/// A sentence where a loss, a gradient or a parameter is no longer a number; the same on every rank. Empty while all is well.
std::string divergence(StepReport const& report, RunConfig const& config);
std::string divergence(EvaluationReport const& report, RunConfig const& config);
/// Of the parameters after `steps_done` steps: the last update's are in no loss yet. Collective.
template <class T>
std::string divergence(Trainer<T>& trainer, std::int64_t steps_done);

/// Ends the run as failed, by an AgreedError; does nothing where `reason` is empty. Collective.
void end_if_diverged(std::string const& reason, Recorder& recorder);

}  // namespace moescope
