#pragma once
#include <string>

namespace moescope::record {

/// Where a run file is written until it is complete.
std::string partial_path(std::string const& path);

/// Makes the folders above `path` and clears the way for its partial file, losing nothing: an existing complete file is
/// refused unless `overwrite`, the partial file of an earlier launch is kept as `<path>.partial.previous`, and one that a
/// running job writes is refused. Throws UserError.
void prepare_output(std::string const& path, bool overwrite);

/// Brings the file's bytes to the disk, so that they survive more than the process.
void synchronise(std::string const& path);

/// Renames the partial file to its final name.
void publish(std::string const& path);

}  // namespace moescope::record
