#pragma once
#include "traffic/router_shape.hpp"
#include "traffic/traffic.hpp"

namespace moescope::traffic {

/// A precondition of every function that takes counts.
void check_shape(RunConfig const& config, Layout const& layout, RoutedCounts const& counts);

/// Choices as counted in one router of one micro-step, for the expert block of `rank`. Keeps a reference to `counts`.
ChoicesOf routed_choices(Layout const& layout, RoutedCounts const& counts, std::int64_t micro_step, std::int64_t router,
                         std::int64_t rank);

}  // namespace moescope::traffic
