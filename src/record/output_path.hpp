#pragma once
#include <string>
#include <vector>

#include "files/lock.hpp"

namespace moescope::record {

/// Where a run file is written until it is complete.
std::string partial_path(std::string const& path);
/// The path that a partial file will have; other paths as they are.
std::string final_path(std::string const& path);
/// Where the partial file of an earlier launch is kept; numbers from 1.
std::string kept_path(std::string const& path, int number);
/// Those that are there, the oldest first.
std::vector<std::string> kept_paths(std::string const& path);

/// Makes the folders above `path`, locks it and clears the way for its partial file, losing nothing: an existing complete file is
/// refused unless `overwrite`, the partial file of an earlier launch is kept under a kept_path() behind the last one, and one
/// that a running job writes is refused. Throws UserError.
[[nodiscard]] Lock prepare_output(std::string const& path, bool overwrite);

/// Renames the partial file to its final name.
void publish(std::string const& path);

}  // namespace moescope::record
