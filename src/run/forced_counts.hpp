#pragma once
#include "gates/forced_routing.hpp"
#include "layout/layout.hpp"
#include "traffic/traffic.hpp"

namespace moescope {

/// What each rank's tokens choose in a step by force, before dropping. Draws all choices of the step.
traffic::RoutedCounts forced_counts(RunConfig const& config, Layout const& layout, ForcedRouting const& forced,
                                    std::int64_t step);

}  // namespace moescope
