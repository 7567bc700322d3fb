#pragma once
#include "base/scalar.hpp"
#include "base/views.hpp"

namespace moescope::gates {

/// Smooth probability that an expert stays in the top k when its noise is drawn again (Shazeer et al. 2017, appendix A):
/// Phi((logit - threshold) / std), where the threshold is the (k+1)-th noisy logit for an expert that is in the top k and
/// the k-th for the others. Needs k < E.
template <class T>
struct LoadEstimate {
  using A = Accumulate<T>;

  ConstMatrix<A> logits;        ///< [tokens,E] without noise
  ConstMatrix<A> noise_logits;  ///< [tokens,E] std = softplus(this) + epsilon
  ConstMatrix<A> noise;         ///< [tokens,E] drawn, before the multiplication with std
  ConstMatrix<A> noisy;         ///< [tokens,E] logits + noise * std
  Matrix<int> order;            ///< [tokens,k+1] experts by noisy logit
  std::int64_t top_k;
  A epsilon;
  bool as_released;

  /// Never so small that a distance over it, or its square, is no number.
  KOKKOS_INLINE_FUNCTION A standard_deviation(std::int64_t t, std::int64_t e) const {
    constexpr A smallest = sizeof(A) == 8 ? A(1e-100) : A(1e-15);
    return Kokkos::max(softplus(noise_logits(t, e)) + epsilon, smallest);
  }
  /// torch.nn.Softplus: linear above 20.
  KOKKOS_INLINE_FUNCTION static A softplus(A x) { return x > 20 ? x : Kokkos::log1p(Kokkos::exp(x)); }
  KOKKOS_INLINE_FUNCTION static A softplus_derivative(A x) { return x > 20 ? A(1) : 1 / (1 + Kokkos::exp(-x)); }

  /// As released, LLaMA-MoE compares the noise alone with the (k+1)-th noisy logit.
  KOKKOS_INLINE_FUNCTION bool is_in_top_k(std::int64_t t, std::int64_t e) const {
    if (as_released) return noise(t, e) * standard_deviation(t, e) > noisy(t, order(t, top_k));
    for (std::int64_t j = 0; j < top_k; ++j)
      if (order(t, j) == e) return true;
    return false;
  }
  KOKKOS_INLINE_FUNCTION A distance(std::int64_t t, std::int64_t e, bool in_top_k) const {
    A const threshold = noisy(t, order(t, in_top_k ? top_k : top_k - 1));
    return (logits(t, e) - threshold) / standard_deviation(t, e);
  }
  KOKKOS_INLINE_FUNCTION A probability(std::int64_t t, std::int64_t e) const {
    return A(0.5) * Kokkos::erfc(-distance(t, e, is_in_top_k(t, e)) * A(0.70710678118654752440));
  }
  KOKKOS_INLINE_FUNCTION static A density(A x) { return A(0.39894228040143267794) * Kokkos::exp(-x * x / 2); }
};

}  // namespace moescope::gates
