#pragma once
#include "gates/forced/batch.hpp"
#include "gates/forced_routing.hpp"

namespace moescope::forced {

/// Step s has what recorded step s has, or the single recorded one: its counts, dealt as `counted` does, or each token's choices.
std::unique_ptr<ForcedRouting const> replayed(Batch const& batch, RecordedCounts recorded);
std::unique_ptr<ForcedRouting const> replayed(Batch const& batch, RecordedChoices recorded);

}  // namespace moescope::forced
