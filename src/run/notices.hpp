#pragma once
#include <string>
#include <vector>

#include "config/run_config.hpp"

namespace moescope {

/// What a run of this configuration does and its author may not expect, a sentence each; a run and a dry run begin with them.
std::vector<std::string> notices(RunConfig const& config);

}  // namespace moescope
