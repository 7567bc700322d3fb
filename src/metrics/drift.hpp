#pragma once
#include <cstdint>
#include <span>

namespace moescope::metrics {

/// How far the shares of counts moved: half the sum of |a_i / sum(a) - b_i / sum(b)|, the total variation distance. 0: alike; 1:
/// nothing is where it was. NaN where either sums to zero.
double total_variation(std::span<std::int64_t const> a, std::span<std::int64_t const> b);

}  // namespace moescope::metrics
