#include "gates/forced/counts_of_shares.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.hpp"

namespace moescope::forced {
namespace {

/// Experts by falling share.
std::vector<std::size_t> largest_first(std::span<double const> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] > values[b]; });
  return order;
}

/// What each expert would get if counts were no integers.
std::vector<double> portions(std::span<double const> shares, double total, double most) {
  auto const order = largest_first(shares);
  std::vector<double> from(order.size() + 1);  // sums of the shares from each place of `order` on, the smallest first
  for (auto i = order.size(); i-- > 0;) from[i] = from[i + 1] + shares[order[i]];
  std::vector<double> portion(shares.size());
  std::size_t full = 0;
  for (; full < order.size() && total * shares[order[full]] >= most * from[full] && from[full] > 0; ++full) {
    portion[order[full]] = most;
    total -= most;
  }
  for (auto i = full; i < order.size() && from[full] > 0; ++i) portion[order[i]] = total * (shares[order[i]] / from[full]);
  return portion;
}

}  // namespace

std::vector<std::int64_t> counts_of_shares(std::span<double const> shares, std::int64_t total, std::int64_t most) {
  auto const portion = portions(shares, double(total), double(most));
  std::vector<std::int64_t> counts(shares.size());
  std::vector<double> remainder(shares.size());
  for (std::size_t e = 0; e < counts.size(); ++e) {
    counts[e] = std::min(most, std::int64_t(portion[e]));
    remainder[e] = portion[e] - double(counts[e]);
  }
  auto left = total - std::reduce(counts.begin(), counts.end());
  auto const order = largest_first(remainder);
  while (left > 0) {
    auto const before = left;
    for (auto const e : order)
      if (left > 0 && shares[e] > 0 && counts[e] < most) ++counts[e], --left;
    MOESCOPE_CHECK(left < before);
  }
  return counts;
}

}  // namespace moescope::forced
