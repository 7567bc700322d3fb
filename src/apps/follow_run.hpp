#pragma once
#include <string>

namespace moescope {

/// Prints the steps of a run as its file gets them, until the run ends (exit code 0) or SIGINT comes (130, as a shell has it).
/// Throws UserError where the file cannot be read.
int follow_run(std::string const& path);

}  // namespace moescope
