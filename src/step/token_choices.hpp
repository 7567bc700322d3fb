#pragma once
#include "step/routing_counts.hpp"

namespace moescope {

/// [L,T,K] of a step, none made: T tokens, K places of `most_choices`.
std::vector<std::int64_t> no_choices(RunConfig const& config);

/// Sets what the tokens of one micro-step chose, before dropping. `tokens`: global ids of the record's tokens, of step `step`.
void set_choices(ExecSpace const& exec, RoutingRecord const& record, RunConfig const& config, std::int64_t step,
                 std::span<std::int64_t const> tokens, std::vector<std::int64_t>& choices);

}  // namespace moescope
