#pragma once
#include <string>

#include "config/run_config.hpp"
#include "layout/layout.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// What a step must not lose, by layer, from every rank's counts: choices before dropping = tokens x choices per token; no
/// expert keeps more than chose it; rows computed of an expert, over its replicas and slices, = etp x its kept choices; rows
/// sent to other ranks = rows received from them. A sentence about the first that does not hold; empty where all do.
std::string conservation_failure(RunConfig const& config, Layout const& layout, StepReport const& report);

}  // namespace moescope
