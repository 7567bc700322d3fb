#pragma once
#include <string>

namespace moescope {

/// As the system names this machine.
std::string host_name();

}  // namespace moescope
