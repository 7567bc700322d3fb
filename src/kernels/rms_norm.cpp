#include "kernels/rms_norm.hpp"

#include "base/error.hpp"
#include "kernels/detail/rows.hpp"

namespace moescope::kernels {

template <class T>
void rms_norm(ExecSpace const& exec, ConstMatrix<T> x, ConstVector<T> w, double eps, Matrix<T> y,
              Vector<Accumulate<T>> inverse_rms) {
  MOESCOPE_CHECK(x.extent(1) == w.extent(0) && inverse_rms.extent(0) == x.extent(0));
  using A = Accumulate<T>;
  std::int64_t const num_columns = std::int64_t(x.extent(1));
  for_each_row(
      exec, "kernels::rms_norm", std::int64_t(x.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t t) {
        A const squares = sum_columns<A>(team, num_columns, [&](std::int64_t h) { return A(x(t, h)) * A(x(t, h)); });
        A const r = A(1) / Kokkos::sqrt(squares / A(num_columns) + A(eps));
        for_each_column(team, num_columns, [&](std::int64_t h) { y(t, h) = T(A(x(t, h)) * r * A(w(h))); });
        Kokkos::single(Kokkos::PerTeam(team), [&] { inverse_rms(t) = r; });
      });
}

/// With g = d_y * w: d_x = r g - r^3 x <g, x> / H; d_w[h] = sum over t of d_y[t,h] x[t,h] r[t].
template <class T>
void rms_norm_backward(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> x, ConstVector<T> w,
                       ConstVector<Accumulate<T>> inverse_rms, Accumulate<T> beta, Matrix<T> d_x, Vector<Accumulate<T>> d_w) {
  MOESCOPE_CHECK(d_y.extent(0) == x.extent(0) && d_w.extent(0) == x.extent(1));
  using A = Accumulate<T>;
  std::int64_t const num_rows = std::int64_t(x.extent(0)), num_columns = std::int64_t(x.extent(1));
  for_each_row(
      exec, "kernels::rms_norm_backward", num_rows, KOKKOS_LAMBDA(Team const& team, std::int64_t t) {
        A const r = inverse_rms(t);
        A const dot = sum_columns<A>(team, num_columns, [&](std::int64_t h) { return A(d_y(t, h)) * A(w(h)) * A(x(t, h)); });
        A const along_x = r * r * r * dot / A(num_columns);
        auto const gradient = [&](std::int64_t h) { return r * A(d_y(t, h)) * A(w(h)) - along_x * A(x(t, h)); };
        if (beta == 0) {
          for_each_column(team, num_columns, [&](std::int64_t h) { d_x(t, h) = T(gradient(h)); });
        } else {
          for_each_column(team, num_columns, [&](std::int64_t h) { d_x(t, h) = T(beta * A(d_x(t, h)) + gradient(h)); });
        }
      });
  add_column_sums<A>(
      exec, num_rows, KOKKOS_LAMBDA(std::int64_t t, std::int64_t h) { return A(d_y(t, h)) * A(x(t, h)) * inverse_rms(t); }, d_w);
}

#define MOESCOPE_INSTANTIATE(T)                                                                                          \
  template void rms_norm<T>(ExecSpace const&, ConstMatrix<T>, ConstVector<T>, double, Matrix<T>, Vector<Accumulate<T>>); \
  template void rms_norm_backward<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, ConstVector<T>,                   \
                                     ConstVector<Accumulate<T>>, Accumulate<T>, Matrix<T>, Vector<Accumulate<T>>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::kernels
