#pragma once
#include <optional>
#include <vector>

#include "gates/forced_routing.hpp"
#include "record/stored_run.hpp"

namespace moescope::record {

/// Whether the run was recorded with `record.choices`.
bool has_choices(StoredRun const& run);

/// Which experts each token of a step that is done chose. Nothing where they are not those that the step's counts say: of a step
/// without details, of one that a launch before this one recorded without them, and where the file is damaged.
std::optional<RecordedChoices> choices_of_step(StoredRun const& run, std::int64_t step);

/// The steps that choices_of_step() has; reads all of them.
std::vector<std::int64_t> steps_with_choices(StoredRun const& run);

}  // namespace moescope::record
