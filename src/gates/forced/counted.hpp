#pragma once
#include <functional>

#include "gates/forced/batch.hpp"
#include "gates/forced_routing.hpp"

namespace moescope::forced {

/// Choices of a step by expert: [E], none above the tokens of the step.
using CountsOfStep = std::function<std::vector<std::int64_t>(std::int64_t step, std::int64_t layer)>;

/// Each step has exactly the counts that were asked for; which token makes which of these choices is drawn. A token makes as many
/// as the others, or one more.
std::unique_ptr<ForcedRouting const> counted(Batch const& batch, CountsOfStep counts);

}  // namespace moescope::forced
