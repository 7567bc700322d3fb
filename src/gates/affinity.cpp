#include "gates/affinity.hpp"

namespace moescope::gates {

template <class A>
Matrix<A> softmax_of_rows(ExecSpace const& exec, ConstMatrix<A> logits) {
  auto const experts = std::int64_t(logits.extent(1));
  auto const softmax = make_matrix<A>("gates::softmax", logits.extent(0), experts);
  Kokkos::parallel_for(
      "gates::softmax_of_rows", Kokkos::RangePolicy<ExecSpace>(exec, 0, logits.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        A largest = logits(t, 0), sum = 0;
        for (std::int64_t e = 1; e < experts; ++e) largest = Kokkos::max(largest, logits(t, e));
        for (std::int64_t e = 0; e < experts; ++e) sum += Kokkos::exp(logits(t, e) - largest);
        for (std::int64_t e = 0; e < experts; ++e) softmax(t, e) = Kokkos::exp(logits(t, e) - largest) / sum;
      });
  return softmax;
}

template <class A>
void softmax_of_rows_backward(ExecSpace const& exec, ConstMatrix<A> softmax, ConstMatrix<A> d_softmax, Matrix<A> d_logits) {
  auto const experts = std::int64_t(softmax.extent(1));
  Kokkos::parallel_for(
      "gates::softmax_of_rows_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, softmax.extent(0)),
      KOKKOS_LAMBDA(std::int64_t t) {
        A mean = 0;
        for (std::int64_t e = 0; e < experts; ++e) mean += softmax(t, e) * d_softmax(t, e);
        for (std::int64_t e = 0; e < experts; ++e) d_logits(t, e) += softmax(t, e) * (d_softmax(t, e) - mean);
      });
}

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

#define MOESCOPE_INSTANTIATE(T)                                                                           \
  template Matrix<T> softmax_of_rows<T>(ExecSpace const&, ConstMatrix<T>);                                \
  template void softmax_of_rows_backward<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, Matrix<T>); \
  template Matrix<T> sigmoid<T>(ExecSpace const&, ConstMatrix<T>);                                        \
  template void sigmoid_backward<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, Matrix<T>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
