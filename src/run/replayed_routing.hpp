#pragma once
#include <memory>
#include <string>

#include "config/run_config.hpp"
#include "gates/forced_routing.hpp"

namespace moescope {

/// The routing of an earlier run file that a run replays.
struct ReplayedRouting {
  std::shared_ptr<ForcedRouting const> routing;  ///< null: this run replays none
  std::string what;                              ///< counts | choices
  std::string fingerprint;                       ///< SHA-256 of them
};

/// Reads `routing.file` where the configuration replays one. Throws UserError as recorded_counts() and recorded_choices() do.
ReplayedRouting read_replayed_routing(RunConfig const& config);

/// What stands for all that a run reads, in its keys and checkpoints: the packed data's fingerprint, and that of the routing it
/// replays.
std::string fingerprint_of_inputs(std::string const& data_fingerprint, ReplayedRouting const& replayed);

}  // namespace moescope
