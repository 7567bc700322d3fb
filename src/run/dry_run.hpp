#pragma once
#include <string>

#include "config/run_config.hpp"
#include "layout/layout.hpp"

namespace moescope {

/// What only the launch knows of a cell_key; as the run would pass it to cell_key().
struct LaunchFacts {
  std::int64_t threads = 1;
  std::string build;
  std::string data_fingerprint;
};

/// What a run would be, without running: layout, parameters, memory (an estimate), bytes of one step under even routing,
/// and its keys. Pure: starts no MPI, reads no file. Memory is of the heaviest rank (of the first and last above 4096
/// ranks); bytes are the largest rank's and the sum over ranks (above 1024 ranks: rank 0's alone).
/// `config.layout` holds the derived sizes.
std::string dry_run_text(RunConfig const& config, Layout const& layout, LaunchFacts const& launch = {});

/// The same as one JSON object; bytes as integers, sums that were not taken as null.
std::string dry_run_json(RunConfig const& config, Layout const& layout, LaunchFacts const& launch = {});

}  // namespace moescope
