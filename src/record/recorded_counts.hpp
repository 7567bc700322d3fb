#pragma once
#include "gates/forced_routing.hpp"

namespace moescope {

/// Choices before dropping of the steps of `routing.file` that a run replays: one step, or as many as `train.steps`. Throws
/// UserError where the file is no run file, is marked wrong, has too few steps, or is of a model or batch whose counts are not
/// those of this one.
RecordedCounts recorded_counts(RunConfig const& config);

}  // namespace moescope
