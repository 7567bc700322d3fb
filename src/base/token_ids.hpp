#pragma once
#include <vector>

#include "base/range.hpp"
#include "base/views.hpp"

namespace moescope {

/// The tokens that the rows of a matrix hold: their global ids, ascending from row to row. They key all randomness and tell a
/// row's pool and its place in its sequence. A rank's tokens need not be one run.
class TokenIds {
 public:
  TokenIds() = default;
  /// Ascending runs [begin, end), no two of them overlapping; empty ones are left out.
  explicit TokenIds(std::vector<Range> runs);

  std::int64_t size() const { return std::int64_t(device_.extent(0)); }
  std::vector<Range> const& runs() const { return runs_; }
  std::vector<std::int64_t> on_host() const;                              ///< [size]
  ConstVector<std::int64_t> const& on_device() const { return device_; }  ///< [size]
  /// Those of rows [begin, end).
  TokenIds rows(std::int64_t begin, std::int64_t end) const;

 private:
  std::vector<Range> runs_;
  ConstVector<std::int64_t> device_;
};

/// The first row whose token's id is at least `id`; all rows where there is none.
KOKKOS_INLINE_FUNCTION std::int64_t first_row_from(ConstVector<std::int64_t> const& ids, std::int64_t id) {
  std::int64_t begin = 0, end = std::int64_t(ids.extent(0));
  while (begin < end) {
    auto const middle = begin + (end - begin) / 2;
    if (ids(middle) < id)
      begin = middle + 1;
    else
      end = middle;
  }
  return begin;
}

}  // namespace moescope
