#include "model/dropped_tokens.hpp"

#include "base/scalar.hpp"

namespace moescope {

template <class T>
void add_dropped_inputs(ExecSpace const& exec, Routing<T> const& routing, ConstVector<T> weight, ConstMatrix<T> x, Matrix<T> y) {
  auto const offsets = routing.offsets, kept = routing.kept;
  auto const hidden = std::int64_t(x.extent(1));
  Kokkos::parallel_for(
      "model::add_dropped_inputs", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens),
      KOKKOS_LAMBDA(std::int64_t const t) {
        for (int c = offsets(t); c < offsets(t + 1); ++c) {
          if (kept(c)) continue;
          for (std::int64_t h = 0; h < hidden; ++h) y(t, h) += weight(c) * x(t, h);
        }
      });
}

template <class T>
void add_dropped_inputs_backward(ExecSpace const& exec, Routing<T> const& routing, ConstVector<T> weight, ConstMatrix<T> d_y,
                                 ConstMatrix<T> x, Matrix<T> d_x, Vector<T> d_weight) {
  auto const offsets = routing.offsets, kept = routing.kept;
  auto const hidden = std::int64_t(x.extent(1));
  Kokkos::parallel_for(
      "model::add_dropped_inputs_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens),
      KOKKOS_LAMBDA(std::int64_t const t) {
        for (int c = offsets(t); c < offsets(t + 1); ++c) {
          if (kept(c)) continue;
          Accumulate<T> dot = 0;
          for (std::int64_t h = 0; h < hidden; ++h) {
            d_x(t, h) += weight(c) * d_y(t, h);
            dot += Accumulate<T>(d_y(t, h)) * Accumulate<T>(x(t, h));
          }
          d_weight(c) = T(dot);
        }
      });
}

#define MOESCOPE_INSTANTIATE(T)                                                                                        \
  template void add_dropped_inputs<T>(ExecSpace const&, Routing<T> const&, ConstVector<T>, ConstMatrix<T>, Matrix<T>); \
  template void add_dropped_inputs_backward<T>(ExecSpace const&, Routing<T> const&, ConstVector<T>, ConstMatrix<T>,    \
                                               ConstMatrix<T>, Matrix<T>, Vector<T>);
MOESCOPE_INSTANTIATE(double)
MOESCOPE_INSTANTIATE(float)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
