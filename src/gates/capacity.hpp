#pragma once
#include <span>
#include <vector>

#include "gates/gate.hpp"

namespace moescope::gates {

/// Tokens an expert may take from one pool: trunc(capacity_factor * tokens_in_pool / experts), of which a pool has no more than
/// tokens_in_pool; may be 0. (LLaMA-MoE, `SwitchDropTokenCalculator`.)
std::int64_t expert_capacity(double capacity_factor, std::int64_t tokens_in_pool, std::int64_t num_experts);

/// 1 for the owned tokens that stay within `capacity` per pool and expert, 0 for the others; expert[t] is the one choice of
/// row t. The tokens with the smallest drop keys stay, ties by token: a random subset, the same under any split over
/// ranks. One PoolExchange::gather.
std::vector<int> kept_within_capacity(std::span<int const> expert, std::int64_t capacity, GateContext const& context);

}  // namespace moescope::gates
