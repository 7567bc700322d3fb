#pragma once
#include "config/run_config.hpp"
#include "layout/layout.hpp"

namespace moescope::traffic {

/// One entry of even_routing(), in O(1): choice c of a micro-step goes to expert c mod E.
std::int64_t even_count(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank,
                        std::int64_t expert);

}  // namespace moescope::traffic
