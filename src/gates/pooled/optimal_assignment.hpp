#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace moescope::gates {

/// The balanced assignment with the largest sum of scores (BASE layers, Lewis et al. 2021): every token gets `per_token` distinct
/// experts, expert e as many tokens as `balanced_places` says. Of equal ones, that in which token 0 has the lowest experts, then
/// token 1, and so on. scores [tokens,E] of one pool by ascending token, whose result is [tokens,per_token], ascending in each
/// token.
///
/// Exact for scores rounded to multiples of about 2^-40 of the largest: whole numbers, which tokens join one by one, each by the
/// cheapest chain of moves to a free place (successive shortest paths; Ahuja, Magnanti, Orlin, "Network flows", 1993, chapter 9).
/// What is no number is worth less than every finite score, as is minus infinity.
std::vector<int> optimal_assignment(std::span<double const> scores, std::int64_t num_experts, std::int64_t per_token);

}  // namespace moescope::gates
