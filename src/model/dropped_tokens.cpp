#include "model/dropped_tokens.hpp"

namespace moescope {

template <class T>
void add_dropped_inputs(ExecSpace const& exec, Routing<T> const& routing, ConstVector<Accumulate<T>> weight, ConstMatrix<T> x,
                        Matrix<T> y) {
  using A = Accumulate<T>;
  auto const offsets = routing.offsets, kept = routing.kept;
  auto const hidden = std::int64_t(x.extent(1));
  Kokkos::parallel_for(
      "model::add_dropped_inputs", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens),
      KOKKOS_LAMBDA(std::int64_t const t) {
        for (int c = offsets(t); c < offsets(t + 1); ++c) {
          if (kept(c)) continue;
          for (std::int64_t h = 0; h < hidden; ++h) y(t, h) = T(A(y(t, h)) + weight(c) * A(x(t, h)));
        }
      });
}

template <class T>
void add_dropped_inputs_backward(ExecSpace const& exec, Routing<T> const& routing, ConstVector<Accumulate<T>> weight,
                                 ConstMatrix<T> d_y, ConstMatrix<T> x, Matrix<T> d_x, Vector<Accumulate<T>> d_weight) {
  using A = Accumulate<T>;
  auto const offsets = routing.offsets, kept = routing.kept;
  auto const hidden = std::int64_t(x.extent(1));
  Kokkos::parallel_for(
      "model::add_dropped_inputs_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens),
      KOKKOS_LAMBDA(std::int64_t const t) {
        for (int c = offsets(t); c < offsets(t + 1); ++c) {
          if (kept(c)) continue;
          A dot = 0;
          for (std::int64_t h = 0; h < hidden; ++h) {
            d_x(t, h) = T(A(d_x(t, h)) + weight(c) * A(d_y(t, h)));
            dot += A(d_y(t, h)) * A(x(t, h));
          }
          d_weight(c) = dot;
        }
      });
}

#define MOESCOPE_INSTANTIATE(T)                                                                                                 \
  template void add_dropped_inputs<T>(ExecSpace const&, Routing<T> const&, ConstVector<Accumulate<T>>, ConstMatrix<T>,          \
                                      Matrix<T>);                                                                               \
  template void add_dropped_inputs_backward<T>(ExecSpace const&, Routing<T> const&, ConstVector<Accumulate<T>>, ConstMatrix<T>, \
                                               ConstMatrix<T>, Matrix<T>, Vector<Accumulate<T>>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
