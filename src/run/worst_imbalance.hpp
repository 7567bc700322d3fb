#pragma once
#include "config/run_config.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// The largest, over the routers, of the max/mean of what all ranks' tokens chose in a step: of the step's row of
/// `/derived/imbalance/experts/max_over_mean`. For rank 0.
double worst_imbalance(RunConfig const& config, StepReport const& report);

}  // namespace moescope
