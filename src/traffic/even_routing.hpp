#pragma once
#include "config/run_config.hpp"
#include "layout/layout.hpp"

namespace moescope::traffic {

/// Sum of even_routing() over a range of experts, in O(1): choice c of a micro-step goes to expert c mod E.
std::int64_t even_choices(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank,
                          Range experts);

}  // namespace moescope::traffic
