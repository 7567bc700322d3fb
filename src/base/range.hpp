#pragma once
#include <algorithm>
#include <cstdint>

namespace moescope {

/// Half-open interval [begin, end) of a global dimension.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  constexpr std::int64_t size() const { return end - begin; }
  constexpr bool contains(std::int64_t i) const { return begin <= i && i < end; }
  friend constexpr bool operator==(Range const&, Range const&) = default;
};

/// Share `index` of `total` units split into `parts` contiguous ranges that differ by at most one unit; the first
/// total % parts ranges are the larger ones.
constexpr Range split(std::int64_t total, std::int64_t parts, std::int64_t index) {
  auto const begin = index * (total / parts) + std::min(index, total % parts);
  return {begin, begin + total / parts + (index < total % parts ? 1 : 0)};
}

/// The `parts` share that holds unit `i`; inverse of `split`.
constexpr std::int64_t split_owner(std::int64_t total, std::int64_t parts, std::int64_t i) {
  auto const small = total / parts, large_units = (total % parts) * (small + 1);
  return i < large_units ? i / (small + 1) : total % parts + (i - large_units) / small;
}

}  // namespace moescope
