#pragma once
#include "gates/gate.hpp"

namespace moescope::gates {

/// Factors of hidden states [tokens,H], uniform in [1 - width, 1 + width], keyed on (global token id, element).
class Jitter {
 public:
  Jitter(GateContext const& context, double width);

  /// values * factors.
  template <class T>
  Matrix<T> product(ExecSpace const& exec, ConstMatrix<T> values) const;
  /// sum += values * factors.
  template <class T>
  void add_product(ExecSpace const& exec, ConstMatrix<T> values, Matrix<T> sum) const;

  KOKKOS_INLINE_FUNCTION double operator()(std::int64_t row, std::int64_t element) const {
    return 1 + width_ * (2 * stream_.uniform(ids_(row), element) - 1);
  }

 private:
  RandomStream stream_;
  ConstVector<std::int64_t> ids_;
  double width_;
};

}  // namespace moescope::gates
