#pragma once
#include "traffic/router_shape.hpp"

namespace moescope::traffic {

/// even_routing() of the members of one rank's expert block, each sum in O(1): choice c of a micro-step goes to expert c mod E.
ChoicesOf even_choices(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank);

}  // namespace moescope::traffic
