#include "gates/affinity.hpp"

namespace moescope::gates {

template <class A>
Matrix<A> softmax_rows(ExecSpace const& exec, ConstMatrix<A> logits) {
  auto const experts = std::int64_t(logits.extent(1));
  auto const probabilities = make_matrix<A>("gates::probabilities", logits.extent(0), experts);
  Kokkos::parallel_for(
      "gates::softmax_rows", Kokkos::RangePolicy<ExecSpace>(exec, 0, logits.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        A largest = logits(t, 0), sum = 0;
        for (std::int64_t e = 1; e < experts; ++e) largest = Kokkos::max(largest, logits(t, e));
        for (std::int64_t e = 0; e < experts; ++e) sum += Kokkos::exp(logits(t, e) - largest);
        for (std::int64_t e = 0; e < experts; ++e) probabilities(t, e) = Kokkos::exp(logits(t, e) - largest) / sum;
      });
  return probabilities;
}

template <class A>
void softmax_rows_backward(ExecSpace const& exec, ConstMatrix<A> softmax, ConstMatrix<A> d_softmax, Matrix<A> d_logits) {
  auto const experts = std::int64_t(softmax.extent(1));
  Kokkos::parallel_for(
      "gates::softmax_rows_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, softmax.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        A mean = 0;
        for (std::int64_t e = 0; e < experts; ++e) mean += softmax(t, e) * d_softmax(t, e);
        for (std::int64_t e = 0; e < experts; ++e) d_logits(t, e) += softmax(t, e) * (d_softmax(t, e) - mean);
      });
}

template <class A>
Matrix<A> sum_of(ExecSpace const& exec, ConstMatrix<A> a, ConstMatrix<A> b) {
  auto const columns = std::int64_t(a.extent(1));
  auto const sum = make_matrix<A>("gates::sum", a.extent(0), columns);
  Kokkos::parallel_for(
      "gates::sum_of", Kokkos::RangePolicy<ExecSpace>(exec, 0, a.size()), KOKKOS_LAMBDA(std::int64_t i) {
        std::int64_t const t = i / columns, e = i % columns;
        sum(t, e) = a(t, e) + b(t, e);
      });
  return sum;
}

#define MOESCOPE_INSTANTIATE(T)                                                                        \
  template Matrix<T> softmax_rows<T>(ExecSpace const&, ConstMatrix<T>);                                \
  template void softmax_rows_backward<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, Matrix<T>); \
  template Matrix<T> sum_of<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
