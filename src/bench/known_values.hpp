#pragma once
#include "base/views.hpp"

namespace moescope::bench {

/// What a member of a group puts at a place of its message: integers so small that sums over a group of up to 60,000 are exact
/// in every storage type, in whatever order they are taken. No neighbours in place or in the group have the same.
inline constexpr std::int64_t value_period = 127;
KOKKOS_INLINE_FUNCTION std::int64_t value_of_place(std::int64_t place) { return 1 + place % value_period; }
KOKKOS_INLINE_FUNCTION std::int64_t value_of_member(std::int64_t member) { return member % value_period; }

/// values[i] = value_of_place(i) + value_of_member(member)
template <class T>
void fill_known(ExecSpace const& exec, Matrix<T> values, std::int64_t member);
/// With what no message holds.
template <class T>
void fill_unknown(ExecSpace const& exec, Matrix<T> values);

/// What arrived should be the sum over `terms` members, whose own values sum to `of_members`, from place `first` on.
struct Known {
  std::int64_t first, terms, of_members;
};
/// How many are anything else. Waits for `exec`.
template <class T>
std::int64_t count_wrong(ExecSpace const& exec, ConstMatrix<T> arrived, Known const& known);

}  // namespace moescope::bench
