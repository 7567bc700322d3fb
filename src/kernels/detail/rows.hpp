#pragma once
#include "base/scalar.hpp"
#include "base/views.hpp"

/// How the kernels of this folder walk over the rows of a matrix: one team for each row, whose members share the columns.
/// On a host a team is one thread and the columns are a plain loop, which compilers vectorise; on a device they are the
/// team's threads. Sums have an order that does not depend on the number of host threads.
namespace moescope::kernels {

using Team = Kokkos::TeamPolicy<ExecSpace>::member_type;

/// body(team, row) for row in [0, num_rows).
template <class Body>
void for_each_row(ExecSpace const& exec, char const* label, std::int64_t num_rows, Body const& body) {
  if (num_rows == 0) return;
  Kokkos::parallel_for(
      label, Kokkos::TeamPolicy<ExecSpace>(exec, int(num_rows), Kokkos::AUTO),
      KOKKOS_LAMBDA(Team const& team) { body(team, std::int64_t(team.league_rank())); });
}

/// body(column) for column in [0, num_columns); a column always belongs to the same member of the team.
template <class Body>
KOKKOS_INLINE_FUNCTION void for_each_column(Team const& team, std::int64_t num_columns, Body const& body) {
  KOKKOS_IF_ON_HOST((static_cast<void>(team); for (std::int64_t i = 0; i < num_columns; ++i) body(i);))
  KOKKOS_IF_ON_DEVICE((Kokkos::parallel_for(Kokkos::TeamVectorRange(team, num_columns), body);))
}

namespace detail {
inline constexpr int num_lanes = 16;

/// Combines term(i) for i in [0, n) in sixteen interleaved lanes, then the lanes in order.
template <class A, class Term, class Combine>
A combine_in_lanes(std::int64_t n, A identity, Term const& term, Combine const& combine) {
  A lanes[num_lanes];
  for (auto& lane : lanes) lane = identity;
  std::int64_t i = 0;
  for (; i + num_lanes <= n; i += num_lanes)
    for (int lane = 0; lane < num_lanes; ++lane) lanes[lane] = combine(lanes[lane], term(i + lane));
  for (int lane = 0; i + lane < n; ++lane) lanes[lane] = combine(lanes[lane], term(i + lane));
  A result = identity;
  for (auto const lane : lanes) result = combine(result, lane);
  return result;
}
}  // namespace detail

/// Sum over columns of term(column), of type A, known to every member of the team.
template <class A, class Term>
KOKKOS_INLINE_FUNCTION A sum_columns(Team const& team, std::int64_t num_columns, Term const& term) {
  A sum = 0;
  KOKKOS_IF_ON_HOST(
      (static_cast<void>(team); sum = detail::combine_in_lanes(num_columns, A(0), term, [](A a, A b) { return a + b; });))
  KOKKOS_IF_ON_DEVICE(
      (Kokkos::parallel_reduce(
           Kokkos::TeamVectorRange(team, num_columns), [&](std::int64_t i, A& partial) { partial += term(i); }, sum);))
  return sum;
}

/// Maximum over columns of term(column), -infinity without columns.
template <class A, class Term>
KOKKOS_INLINE_FUNCTION A max_columns(Team const& team, std::int64_t num_columns, Term const& term) {
  A maximum = -Kokkos::Experimental::infinity_v<A>;
  KOKKOS_IF_ON_HOST((static_cast<void>(team);
                     maximum = detail::combine_in_lanes(num_columns, maximum, term, [](A a, A b) { return a < b ? b : a; });))
  KOKKOS_IF_ON_DEVICE(
      (Kokkos::parallel_reduce(
           Kokkos::TeamVectorRange(team, num_columns),
           [&](std::int64_t i, A& partial) { partial = partial < term(i) ? term(i) : partial; }, Kokkos::Max<A>(maximum));))
  return maximum;
}

namespace detail {
/// As add_in_columns(): the sums of some columns at once, so that compilers vectorise over them.
template <class A, class T, class AddRows>
void add_in_columns_on_host(std::int64_t num_columns, AddRows const& add_rows, T* y) {
  constexpr std::int64_t block = 64;
  for (std::int64_t begin = 0; begin < num_columns; begin += block) {
    std::int64_t const width = num_columns - begin < block ? num_columns - begin : block;
    bool is_first = true;
    A sums[block] = {};
    add_rows([&](T const* row) {
      if (is_first)
        for (std::int64_t h = 0; h < width; ++h) sums[h] = A(row[begin + h]);
      else
        for (std::int64_t h = 0; h < width; ++h) sums[h] += A(row[begin + h]);
      is_first = false;
    });
    for (std::int64_t h = 0; h < width; ++h) y[begin + h] = T(sums[h]);
  }
}
}  // namespace detail

/// y[column] = sum of row[column], added in A, over the rows that add_rows(add) hands to add(row), in that order; 0 without one.
template <class A, class T, class AddRows>
KOKKOS_INLINE_FUNCTION void add_in_columns(Team const& team, std::int64_t num_columns, AddRows const& add_rows, T* y) {
  KOKKOS_IF_ON_HOST((static_cast<void>(team); detail::add_in_columns_on_host<A>(num_columns, add_rows, y);))
  KOKKOS_IF_ON_DEVICE((Kokkos::parallel_for(Kokkos::TeamVectorRange(team, num_columns), [&](std::int64_t h) {
                         bool is_first = true;
                         A sum = 0;
                         add_rows([&](T const* row) {
                           sum = is_first ? A(row[h]) : sum + A(row[h]);
                           is_first = false;
                         });
                         y[h] = T(sum);
                       });))
}

/// result[column] += sum over rows of term(row, column): rows in ascending order within chunks of 64, then the chunks in
/// ascending order.
template <class A, class Term>
void add_column_sums(ExecSpace const& exec, std::int64_t num_rows, Term const& term, Vector<A> const& result) {
  std::int64_t const chunk = 64, num_chunks = (num_rows + chunk - 1) / chunk, num_columns = std::int64_t(result.extent(0));
  auto const partial = make_matrix<A>("kernels::column_sums", num_chunks, num_columns);
  for_each_row(
      exec, "kernels::column_sums_of_chunk", num_chunks, KOKKOS_LAMBDA(Team const& team, std::int64_t c) {
        A* const sums = &partial(c, 0);
        for_each_column(team, num_columns, [&](std::int64_t h) { sums[h] = 0; });
        for (std::int64_t row = c * chunk; row < num_rows && row < (c + 1) * chunk; ++row)
          for_each_column(team, num_columns, [&](std::int64_t h) { sums[h] += term(row, h); });
      });
  Kokkos::parallel_for(
      "kernels::column_sums_of_chunks", Kokkos::RangePolicy<ExecSpace>(exec, 0, num_columns), KOKKOS_LAMBDA(std::int64_t h) {
        A sum = 0;
        for (std::int64_t c = 0; c < num_chunks; ++c) sum += partial(c, h);
        result(h) += sum;
      });
}

}  // namespace moescope::kernels
