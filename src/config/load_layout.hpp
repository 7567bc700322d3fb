#pragma once
#include <string>
#include <vector>

#include "config/run_config.hpp"

namespace moescope {

/// For programs that need a layout and no model: [layout], train.dtype and train.watchdog_seconds alone are read from the file
/// (none where `path` is empty), each value by itself. UserError where an override names another key.
RunConfig load_layout(std::string const& path, std::vector<std::string> const& overrides);

}  // namespace moescope
