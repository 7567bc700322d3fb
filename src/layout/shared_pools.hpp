#pragma once
#include <string>
#include <vector>

#include "layout/layout.hpp"

namespace moescope {

/// The ranks that hold tokens of the same pools of one micro-batch: those of this rank on `axis`. Pools are summed and gathered
/// among them, and among no others.
struct SharedPools {
  Axis axis = Axis::tp;                ///< tp where each dp coordinate holds whole pools; else stage
  Range sequences;                     ///< that they hold, within the micro-batch: whole pools
  std::int64_t sequences_in_pool = 0;  ///< of one pool
  std::int64_t count() const { return sequences.size() / sequences_in_pool; }
};

/// Of a micro-batch of `sequences`, cut into pools by `pool` (GateConfig::pool).
SharedPools shared_pools(Layout const& layout, std::string const& pool, BatchConfig const& micro_batch, std::int64_t rank);

/// Runs of the micro-batch's tokens, counted from 0, that each rank on `axis`, tp or stage, owns. [size(axis)]
std::vector<std::vector<Range>> owned_token_runs(Layout const& layout, BatchConfig const& micro_batch, Axis axis,
                                                 std::int64_t rank);

/// The axis above of the pools of one name in the micro-batches of a run's steps.
Axis step_pool_axis(RunConfig const& config, Layout const& layout, std::string const& pool);

/// Whether some micro-batch of a run, of a step or of an evaluation, shares its pools of this name on `axis`.
bool shares_pools(RunConfig const& config, Layout const& layout, std::string const& pool, Axis axis);

}  // namespace moescope
