#pragma once
#include "config/settings.hpp"

namespace moescope {

/// The rules between the keys of [routing], and what forced routing asks of other keys.
void check_routing(RunConfig const& config, Settings const& given);

}  // namespace moescope
