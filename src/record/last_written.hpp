#pragma once
#include <string>

namespace moescope::record {

/// Of a run file that says `running`: since when nothing was written, and, where its lock is there, whether the process that
/// writes it still lives, as far as this host can tell.
std::string last_written(std::string const& path);

}  // namespace moescope::record
