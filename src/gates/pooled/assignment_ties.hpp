#pragma once
#include <cstdint>
#include <span>

#include "gates/pooled/assignment.hpp"

namespace moescope::gates {

/// Of all assignments that are worth as much as this best one, takes that in which token 0 has the lowest experts, then token 1,
/// and so on. prices [E]: such that no token gains by a move; best assignments differ by chains of moves that lose nothing.
void prefer_low_experts(Assignment& assignment, std::span<std::int64_t const> prices);

}  // namespace moescope::gates
