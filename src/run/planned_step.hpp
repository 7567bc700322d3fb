#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gates/forced_routing.hpp"
#include "traffic/memory.hpp"
#include "traffic/traffic.hpp"

namespace moescope {

/// Bytes per step.
struct PlannedBytes {
  std::int64_t largest = 0;         ///< of one rank
  std::int64_t heaviest_rank = 0;   ///< the first one with so many
  std::optional<std::int64_t> sum;  ///< over all ranks; none where only rank 0 was counted
};

/// One step, as the dry run knows it.
struct PlannedStep {
  std::string assumes = "even routing";  ///< of the bytes; memory is that under even routing
  traffic::Memory memory;                ///< of the heaviest rank; of the first and last above 4096 ranks
  std::int64_t ranks_counted = 0;
  std::vector<traffic::Collective> collectives;
  std::vector<PlannedBytes> payload;          ///< [collectives]
  std::vector<std::int64_t> calls;            ///< [collectives] of rank 0
  std::map<Axis, PlannedBytes> axis_payload;  ///< of the axes in use
};

/// Counts every rank; above 4096 ranks rank 0 alone. `forced`: what chooses, or null; its bytes are those of step 0 where all
/// ranks are counted, nothing may be dropped and the choices are few enough to be drawn here, else those of even routing.
PlannedStep plan_step(RunConfig const& config, Layout const& layout, ForcedRouting const* forced);

}  // namespace moescope
