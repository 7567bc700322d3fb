#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace moescope::forced {

/// Counts in proportion to `shares`, which need not add up to 1, rounded by largest remainder, ties to the lower expert. No
/// expert gets more than `most`, the tokens: what is above is spread over the others in proportion. They add up to `total`, which
/// must be at most `most` for each positive share.
std::vector<std::int64_t> counts_of_shares(std::span<double const> shares, std::int64_t total, std::int64_t most);

}  // namespace moescope::forced
