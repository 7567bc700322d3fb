#include "gates/weigh_by_affinity.hpp"

#include "base/scalar.hpp"

namespace moescope::gates {

/// What the affinities of a token's choices are divided by.
template <class T>
struct Divisor {
  using A = Accumulate<T>;
  ConstMatrix<A> affinity;
  bool normalise;
  ConstVector<int> offsets, expert;

  Divisor(ConstMatrix<A> from, bool with_sum, Routing<T> const& routing)
      : affinity(from), normalise(with_sum), offsets(routing.offsets), expert(routing.expert) {}

  KOKKOS_INLINE_FUNCTION A operator()(std::int64_t t) const {
    if (!normalise) return 1;
    A sum = 0;
    for (int j = offsets(t); j < offsets(t + 1); ++j) sum += affinity(t, expert(j));
    return sum + A(1e-20);
  }
};

template <class T>
void weigh_by_affinity(ExecSpace const& exec, ConstMatrix<Accumulate<T>> affinity, bool normalise, Routing<T> const& routing) {
  Divisor<T> const divisor(affinity, normalise, routing);
  auto const weight = routing.weight;
  Kokkos::parallel_for(
      "gates::weigh_by_affinity", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        auto const sum = divisor(t);
        for (int j = divisor.offsets(t); j < divisor.offsets(t + 1); ++j) weight(j) = affinity(t, divisor.expert(j)) / sum;
      });
}

template <class T>
void weigh_by_affinity_backward(ExecSpace const& exec, ConstMatrix<Accumulate<T>> affinity, bool normalise,
                                Routing<T> const& routing, ConstVector<Accumulate<T>> d_weight,
                                Matrix<Accumulate<T>> d_affinity) {
  using A = Accumulate<T>;
  Divisor<T> const divisor(affinity, normalise, routing);
  Kokkos::parallel_for(
      "gates::weigh_by_affinity_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens),
      KOKKOS_LAMBDA(std::int64_t t) {
        int const begin = divisor.offsets(t), end = divisor.offsets(t + 1);
        A const sum = divisor(t);
        A mean = 0;  // through the sum
        for (int j = begin; normalise && j < end; ++j) mean += d_weight(j) * affinity(t, divisor.expert(j)) / sum;
        for (int j = begin; j < end; ++j) d_affinity(t, divisor.expert(j)) += (d_weight(j) - mean) / sum;
      });
}

#define MOESCOPE_INSTANTIATE(T)                                                                                      \
  template void weigh_by_affinity<T>(ExecSpace const&, ConstMatrix<Accumulate<T>>, bool, Routing<T> const&);         \
  template void weigh_by_affinity_backward<T>(ExecSpace const&, ConstMatrix<Accumulate<T>>, bool, Routing<T> const&, \
                                              ConstVector<Accumulate<T>>, Matrix<Accumulate<T>>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
