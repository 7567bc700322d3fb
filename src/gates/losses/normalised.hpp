#pragma once
#include "base/views.hpp"

namespace moescope::gates {

/// The affinities of a token as probabilities: positive ones divided by their sum, others 0. As they are where not `normalised`.
template <class A>
struct NormalisedRow {
  ConstMatrix<A> affinity;  ///< [tokens,E]
  bool normalised = true;

  KOKKOS_INLINE_FUNCTION A sum(std::int64_t t) const {
    A sum = 0;
    for (std::int64_t e = 0; normalised && e < std::int64_t(affinity.extent(1)); ++e) sum += Kokkos::max(affinity(t, e), A(0));
    return sum;
  }
  KOKKOS_INLINE_FUNCTION A operator()(std::int64_t t, std::int64_t e, A sum) const {
    if (!normalised) return affinity(t, e);
    return sum > 0 ? Kokkos::max(affinity(t, e), A(0)) / sum : A(0);
  }
  /// dL/d(affinity) from d = dL/d(probability) and its mean under the token's probabilities.
  KOKKOS_INLINE_FUNCTION A derivative(std::int64_t t, std::int64_t e, A sum, A d, A mean) const {
    if (!normalised) return d;
    return affinity(t, e) > 0 ? (d - mean) / sum : A(0);
  }
};

}  // namespace moescope::gates
