#pragma once
#include "gates/gate.hpp"

namespace moescope::gates {

/// Sets routing.kept of every choice: of each pool's choices of an expert the first `expert_capacity` stay, by place in the pool
/// (`position`), weight, largest first (`probability`), or a number drawn for token and place (`random`); ties by token. The same
/// under any split over ranks. One PoolExchange::gather, whose width `pool_calls` knows. Nothing where nothing may be dropped.
/// With `capacity.pad` sets routing.pads too: a pad is a row of the first tokens of the pool that have no place with the expert,
/// so that its pads too are the same under any split.
template <class T>
void drop_over_capacity(ExecSpace const& exec, ModelConfig const& model, Routing<T>& routing, GateContext const& context);

}  // namespace moescope::gates
