#pragma once
#include "gates/gate.hpp"

namespace moescope::gates {

/// Choices that an expert may take from one pool: factor * tokens_in_pool * choices_per_token / experts, rounded down
/// (LLaMA-MoE's `SwitchDropTokenCalculator`) or up (Megatron); no more than tokens_in_pool; may be 0.
std::int64_t expert_capacity(ModelConfig const& model, std::int64_t tokens_in_pool);

/// Sets routing.kept of every choice: of each pool's choices of an expert the first `expert_capacity` stay, by place in the pool
/// (`position`), weight, largest first (`probability`), or a number drawn for token and place (`random`); ties by token. The same
/// under any split over ranks. One PoolExchange::gather, whose width `pool_calls` knows. Nothing where nothing may be dropped.
template <class T>
void drop_over_capacity(ExecSpace const& exec, ModelConfig const& model, Routing<T> const& routing, GateContext const& context);

}  // namespace moescope::gates
