#include "kernels/gemm_probe.hpp"

#include "base/random.hpp"
#include "kernels/gemm.hpp"

namespace moescope::kernels {

template <class T>
void fill_random(ExecSpace const& exec, std::uint64_t seed, Matrix<T> matrix) {
  RandomStream const stream(seed, Purpose::weight, 0, 0);
  auto const columns = std::int64_t(matrix.extent(1));
  Kokkos::parallel_for(
      "kernels::fill_random", Kokkos::RangePolicy<ExecSpace>(exec, 0, matrix.extent(0)), KOKKOS_LAMBDA(std::int64_t const r) {
        for (std::int64_t c = 0; c < columns; ++c) matrix(r, c) = T(2 * stream.uniform(r, c) - 1);
      });
}

template <class T>
GemmProbe<T>::GemmProbe(ExecSpace const& exec, std::int64_t size)
    : exec_(exec),
      size_(size),
      a_("kernels::probe_a", size, size),
      b_("kernels::probe_b", size, size),
      c_("kernels::probe_c", size, size) {
  fill_random<T>(exec, 1, a_);
  fill_random<T>(exec, 2, b_);
}

template <class T>
void GemmProbe<T>::multiply() const {
  exec_.fence("kernels::probe_begin");
  linear<T>(exec_, a_, b_, c_);
  exec_.fence("kernels::probe_end");
}

#define MOESCOPE_INSTANTIATE(T)                                             \
  template void fill_random<T>(ExecSpace const&, std::uint64_t, Matrix<T>); \
  template class GemmProbe<T>;
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::kernels
