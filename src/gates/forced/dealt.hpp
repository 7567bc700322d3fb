#pragma once
#include "gates/forced/batch.hpp"
#include "gates/forced_routing.hpp"

namespace moescope::forced {

/// All choices of a step dealt to the experts in turn, by token: any run of tokens has as many of each expert as of another, or
/// one more. What traffic::even_routing counts.
std::unique_ptr<ForcedRouting const> dealt_evenly(Batch const& batch);

/// k distinct experts drawn uniformly by each token for itself.
std::unique_ptr<ForcedRouting const> drawn_uniformly(Batch const& batch);

/// As many distinct experts as a number drawn evenly from [fewest, most], by each token or for all tokens of a sequence, drawn
/// uniformly.
std::unique_ptr<ForcedRouting const> drawn_raggedly(Batch const& batch, RoutingConfig const& routing);

/// `usual`, but for the first `length` of each `period` steps, which have `burst`.
std::unique_ptr<ForcedRouting const> in_bursts(std::int64_t period, std::int64_t length,
                                               std::unique_ptr<ForcedRouting const> usual,
                                               std::unique_ptr<ForcedRouting const> burst);

}  // namespace moescope::forced
