#include "gates/sigmoid.hpp"

namespace moescope::gates {

template <class A>
Matrix<A> sigmoid(ExecSpace const& exec, ConstMatrix<A> logits) {
  auto const experts = std::int64_t(logits.extent(1));
  auto const result = make_matrix<A>("gates::sigmoid", logits.extent(0), experts);
  Kokkos::parallel_for(
      "gates::sigmoid", Kokkos::RangePolicy<ExecSpace>(exec, 0, logits.size()), KOKKOS_LAMBDA(std::int64_t i) {
        result(i / experts, i % experts) = 1 / (1 + Kokkos::exp(-logits(i / experts, i % experts)));
      });
  return result;
}

template <class A>
void sigmoid_backward(ExecSpace const& exec, ConstMatrix<A> sigmoid, ConstMatrix<A> d_sigmoid, Matrix<A> d_logits) {
  auto const experts = std::int64_t(sigmoid.extent(1));
  Kokkos::parallel_for(
      "gates::sigmoid_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, sigmoid.size()), KOKKOS_LAMBDA(std::int64_t i) {
        std::int64_t const t = i / experts, e = i % experts;
        d_logits(t, e) += sigmoid(t, e) * (1 - sigmoid(t, e)) * d_sigmoid(t, e);
      });
}

#define MOESCOPE_INSTANTIATE(T)                                    \
  template Matrix<T> sigmoid<T>(ExecSpace const&, ConstMatrix<T>); \
  template void sigmoid_backward<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, Matrix<T>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
