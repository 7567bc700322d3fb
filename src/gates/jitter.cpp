#include "gates/jitter.hpp"

namespace moescope::gates {

Jitter::Jitter(GateContext const& context, double width)
    : stream_(context.seed, Purpose::gate_jitter, context.step, context.layer), ids_(context.tokens.on_device()), width_(width) {}

template <class T>
Matrix<T> Jitter::product(ExecSpace const& exec, ConstMatrix<T> values) const {
  auto const result = make_matrix<T>("gates::jittered", values.extent(0), values.extent(1));
  Kokkos::deep_copy(exec, result, T(0));
  add_product<T>(exec, values, result);
  return result;
}

template <class T>
void Jitter::add_product(ExecSpace const& exec, ConstMatrix<T> values, Matrix<T> sum) const {
  auto const factor = *this;
  auto const columns = std::int64_t(values.extent(1));
  Kokkos::parallel_for(
      "gates::jitter", Kokkos::RangePolicy<ExecSpace>(exec, 0, values.size()), KOKKOS_LAMBDA(std::int64_t i) {
        std::int64_t const t = i / columns, h = i % columns;
        sum(t, h) = T(Accumulate<T>(sum(t, h)) + Accumulate<T>(factor(t, h)) * Accumulate<T>(values(t, h)));
      });
}

#define MOESCOPE_INSTANTIATE(T)                                                  \
  template Matrix<T> Jitter::product<T>(ExecSpace const&, ConstMatrix<T>) const; \
  template void Jitter::add_product<T>(ExecSpace const&, ConstMatrix<T>, Matrix<T>) const;
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
