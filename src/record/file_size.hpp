#pragma once
#include "record/run_file.hpp"

namespace moescope::record {

/// How large the run file of a launch becomes: its datasets at their last extents, and what is allowed for text and structure.
struct FileSize {
  std::int64_t bytes = 0;          ///< after the last step
  std::int64_t detail_every = 1;   ///< record.detail_every; where it is 0, the smallest for which the file stays below its bound
  std::int64_t steps_at_once = 1;  ///< for which the file has room at first and by which it grows; all, where it stays below
};

/// The bound is setup.file_bound. Where the arrays of every step alone exceed it, chosen details are those of step 0.
FileSize file_size(RunFileSetup const& setup);

/// What is to be said of a file that exceeds the bound: how large it becomes, why, and what would make it smaller. Else empty.
std::string size_notice(RunFileSetup const& setup);

}  // namespace moescope::record
