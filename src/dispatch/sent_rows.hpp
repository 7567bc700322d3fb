#pragma once
#include "comm/mesh.hpp"
#include "dispatch/plan.hpp"
#include "gates/routing.hpp"

namespace moescope {

/// A plan and the table it was made from: counts [ep * etp, E], rows of each rank of the block for each expert.
struct CountedPlan {
  Plan plan;
  std::vector<std::int64_t> counts;
};

/// The part of planning that every dispatcher shares: orders this rank's kept choices and pads by expert, then token, exchanges
/// the counts per expert over the expert block, and fills all of the plan but `block` and `peers`. Collective over the block.
template <class T>
CountedPlan plan_sent_rows(ExecSpace const& exec, Mesh& mesh, ExchangeId const& counts, ModelConfig const& model,
                           Routing<T> const& routing);
/// The same for experts that are all at home: no exchange, no peers.
template <class T>
Plan plan_at_home(ExecSpace const& exec, Routing<T> const& routing);

}  // namespace moescope
