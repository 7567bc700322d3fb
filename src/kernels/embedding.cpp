#include "kernels/embedding.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "kernels/detail/rows.hpp"

namespace moescope::kernels {

namespace {

/// Positions of the tokens in `vocabulary`, grouped by token and ascending in each group.
struct Occurrences {
  std::vector<int> rows;       ///< of the table, one per group
  std::vector<int> offsets;    ///< [groups + 1] into positions
  std::vector<int> positions;  ///< of tokens
};

Occurrences find_occurrences(ExecSpace const& exec, ConstVector<int> const& tokens, Range vocabulary) {
  auto const host = to_host(exec, tokens);
  std::vector<std::pair<int, int>> sorted;  // (token, position)
  for (int t = 0; t < int(host.extent(0)); ++t)
    if (vocabulary.contains(host(t))) sorted.emplace_back(host(t), t);
  std::sort(sorted.begin(), sorted.end());
  Occurrences found;
  for (auto const& [token, position] : sorted) {
    int const row = int(token - vocabulary.begin);
    if (found.rows.empty() || found.rows.back() != row) {
      found.rows.push_back(row);
      found.offsets.push_back(int(found.positions.size()));
    }
    found.positions.push_back(position);
  }
  found.offsets.push_back(int(found.positions.size()));
  return found;
}

}  // namespace

template <class T>
void embed(ExecSpace const& exec, ConstVector<int> tokens, Range vocabulary, ConstMatrix<T> table, Matrix<T> y) {
  MOESCOPE_CHECK(tokens.extent(0) == y.extent(0) && table.extent(1) == y.extent(1));
  std::int64_t const num_columns = std::int64_t(y.extent(1));
  for_each_row(
      exec, "kernels::embed", std::int64_t(y.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t t) {
        std::int64_t const row = tokens(t) - vocabulary.begin;
        bool const here = 0 <= row && row < vocabulary.end - vocabulary.begin;
        for_each_column(team, num_columns, [&](std::int64_t h) { y(t, h) = here ? table(row, h) : T(0); });
      });
}

template <class T>
void embed_backward(ExecSpace const& exec, ConstVector<int> tokens, Range vocabulary, ConstMatrix<T> d_y,
                    Matrix<Accumulate<T>> d_table) {
  MOESCOPE_CHECK(tokens.extent(0) == d_y.extent(0) && d_table.extent(1) == d_y.extent(1));
  auto const found = find_occurrences(exec, tokens, vocabulary);
  auto const to_device = [&](std::vector<int> const& values) { return upload(exec, "kernels::embed_positions", values); };
  ConstVector<int> const table_rows = to_device(found.rows), offsets = to_device(found.offsets),
                         positions = to_device(found.positions);
  std::int64_t const num_columns = std::int64_t(d_y.extent(1));
  for_each_row(
      exec, "kernels::embed_backward", std::int64_t(table_rows.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t i) {
        std::int64_t const row = table_rows(i);
        for (int j = offsets(i); j < offsets(i + 1); ++j) {
          std::int64_t const t = positions(j);
          for_each_column(team, num_columns, [&](std::int64_t h) { d_table(row, h) += Accumulate<T>(d_y(t, h)); });
        }
      });
}

#define MOESCOPE_INSTANTIATE(T)                                                                 \
  template void embed<T>(ExecSpace const&, ConstVector<int>, Range, ConstMatrix<T>, Matrix<T>); \
  template void embed_backward<T>(ExecSpace const&, ConstVector<int>, Range, ConstMatrix<T>, Matrix<Accumulate<T>>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::kernels
