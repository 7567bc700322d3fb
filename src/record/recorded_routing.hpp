#pragma once
#include "gates/forced_routing.hpp"

namespace moescope {

/// Choices before dropping of the steps of `routing.file` that a run replays: one step, or as many as `train.steps`. Throws
/// UserError where the file is no run file, is marked wrong, has too few steps, or is of a model or batch whose choices are not
/// those of this one.
RecordedCounts recorded_counts(RunConfig const& config);

/// The same by token. Throws UserError also where the file has no choices of a step that is replayed: it was recorded without
/// `record.choices`, or the step is none of those with details.
RecordedChoices recorded_choices(RunConfig const& config);

}  // namespace moescope
