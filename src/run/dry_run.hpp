#pragma once
#include <string>

#include "config/run_config.hpp"
#include "gates/forced_routing.hpp"
#include "layout/layout.hpp"

namespace moescope {

/// What only the launch knows: of a cell_key, as the run would pass it to cell_key(), how the ranks were found, and the run file.
struct LaunchFacts {
  std::int64_t threads = 1;
  std::string build;
  std::string data_fingerprint;
  bool fewest_ranks = false;  ///< layout.ranks was not given
  std::int64_t run_file_bytes = 0, detail_every = 0;
  std::string run_file_notice{};          ///< empty: it stays below its bound
  ForcedRouting const* forced = nullptr;  ///< null: gates choose
};

/// What a run would be, without running: layout, batch, parameters, memory (an estimate), size of the run file, bytes of one step
/// under even or forced routing with the heaviest rank of each exchange, and its keys. Pure: starts no MPI, reads no file. Memory
/// is of the heaviest rank (of the first and last above 4096 ranks); bytes are the largest rank's and the sum over ranks (above
/// 4096 ranks: rank 0's alone). `config.layout` holds the derived sizes.
std::string dry_run_text(RunConfig const& config, Layout const& layout, LaunchFacts const& launch = {});

/// The same as one JSON object; bytes as integers, sums that were not taken as null.
std::string dry_run_json(RunConfig const& config, Layout const& layout, LaunchFacts const& launch = {});

}  // namespace moescope
