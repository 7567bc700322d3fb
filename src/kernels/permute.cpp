#include "kernels/permute.hpp"

#include "base/error.hpp"
#include "kernels/detail/rows.hpp"

namespace moescope::kernels {

template <class T>
void gather_rows(ExecSpace const& exec, ConstMatrix<T> x, ConstVector<int> index, Matrix<T> y) {
  MOESCOPE_CHECK(y.extent(0) == index.extent(0) && x.extent(1) == y.extent(1));
  std::int64_t const num_columns = std::int64_t(y.extent(1));
  for_each_row(
      exec, "kernels::gather_rows", std::int64_t(y.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t i) {
        std::int64_t const from = index(i);
        for_each_column(team, num_columns, [&](std::int64_t h) { y(i, h) = from < 0 ? T(0) : x(from, h); });
      });
}

template <class T>
void scatter_rows(ExecSpace const& exec, ConstMatrix<T> x, ConstVector<int> index, Matrix<T> y) {
  MOESCOPE_CHECK(x.extent(0) == index.extent(0) && x.extent(1) == y.extent(1));
  std::int64_t const num_columns = std::int64_t(y.extent(1));
  for_each_row(
      exec, "kernels::scatter_rows", std::int64_t(x.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t i) {
        std::int64_t const to = index(i);
        for_each_column(team, num_columns, [&](std::int64_t h) { y(to, h) = x(i, h); });
      });
}

template <class T>
void sum_rows(ExecSpace const& exec, ConstMatrix<T> x, ConstVector<int> offsets, ConstVector<int> positions, Matrix<T> y) {
  MOESCOPE_CHECK(offsets.extent(0) == y.extent(0) + 1 && x.extent(1) == y.extent(1));
  std::int64_t const num_columns = std::int64_t(y.extent(1));
  for_each_row(
      exec, "kernels::sum_rows", std::int64_t(y.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t t) {
        auto const add_rows = [&](auto const& add) {
          for (int j = offsets(t); j < offsets(t + 1); ++j)
            if (positions(j) >= 0) add(&x(positions(j), 0));
        };
        add_in_columns<Accumulate<T>>(team, num_columns, add_rows, &y(t, 0));
      });
}

template <class T>
void row_dots(ExecSpace const& exec, ConstMatrix<T> a, ConstMatrix<T> b, Vector<Accumulate<T>> result) {
  MOESCOPE_CHECK(a.extent(0) == b.extent(0) && a.extent(1) == b.extent(1) && result.extent(0) == a.extent(0));
  using A = Accumulate<T>;
  std::int64_t const num_columns = std::int64_t(a.extent(1));
  for_each_row(
      exec, "kernels::row_dots", std::int64_t(a.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t i) {
        A const dot = sum_columns<A>(team, num_columns, [&](std::int64_t h) { return A(a(i, h)) * A(b(i, h)); });
        Kokkos::single(Kokkos::PerTeam(team), [&] { result(i) = dot; });
      });
}

template <class T>
void add(ExecSpace const& exec, Accumulate<T> alpha, ConstMatrix<T> x, Matrix<T> y) {
  MOESCOPE_CHECK(x.extent(0) == y.extent(0) && x.extent(1) == y.extent(1));
  using A = Accumulate<T>;
  std::int64_t const num_columns = std::int64_t(y.extent(1));
  for_each_row(
      exec, "kernels::add", std::int64_t(y.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t i) {
        for_each_column(team, num_columns, [&](std::int64_t h) { y(i, h) = T(A(y(i, h)) + alpha * A(x(i, h))); });
      });
}

template <class T>
void scale_columns(ExecSpace const& exec, ConstMatrix<T> x, ConstVector<T> scale, Matrix<T> y) {
  MOESCOPE_CHECK(scale.extent(0) == 1 || scale.extent(0) == x.extent(1));
  using A = Accumulate<T>;
  std::int64_t const num_columns = std::int64_t(x.extent(1)), stride = scale.extent(0) == 1 ? 0 : 1;
  for_each_row(
      exec, "kernels::scale_columns", std::int64_t(x.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t i) {
        for_each_column(team, num_columns, [&](std::int64_t h) { y(i, h) = T(A(x(i, h)) * A(scale(stride * h))); });
      });
}

template <class T>
void scale_columns_backward(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> x, ConstVector<T> scale, Matrix<T> d_x,
                            Vector<Accumulate<T>> d_scale) {
  MOESCOPE_CHECK(d_scale.extent(0) == scale.extent(0));
  using A = Accumulate<T>;
  std::int64_t const num_rows = std::int64_t(x.extent(0));
  if (scale.extent(0) == x.extent(1)) {
    add_column_sums<A>(
        exec, num_rows, KOKKOS_LAMBDA(std::int64_t i, std::int64_t h) { return A(d_y(i, h)) * A(x(i, h)); }, d_scale);
  } else {
    auto const dots = make_vector<A>("kernels::scale_columns_dots", num_rows);
    row_dots<T>(exec, d_y, x, dots);
    add_column_sums<A>(
        exec, num_rows, KOKKOS_LAMBDA(std::int64_t i, std::int64_t) { return dots(i); }, d_scale);
  }
  scale_columns<T>(exec, d_y, scale, d_x);
}

#define MOESCOPE_INSTANTIATE(T)                                                                                        \
  template void gather_rows<T>(ExecSpace const&, ConstMatrix<T>, ConstVector<int>, Matrix<T>);                         \
  template void scatter_rows<T>(ExecSpace const&, ConstMatrix<T>, ConstVector<int>, Matrix<T>);                        \
  template void sum_rows<T>(ExecSpace const&, ConstMatrix<T>, ConstVector<int>, ConstVector<int>, Matrix<T>);          \
  template void row_dots<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, Vector<Accumulate<T>>);                  \
  template void add<T>(ExecSpace const&, Accumulate<T>, ConstMatrix<T>, Matrix<T>);                                    \
  template void scale_columns<T>(ExecSpace const&, ConstMatrix<T>, ConstVector<T>, Matrix<T>);                         \
  template void scale_columns_backward<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, ConstVector<T>, Matrix<T>, \
                                          Vector<Accumulate<T>>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::kernels
