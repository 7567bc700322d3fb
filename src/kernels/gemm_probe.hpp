#pragma once
#include "base/views.hpp"

namespace moescope::kernels {

/// Numbers drawn uniformly from [-1, 1), a function of `seed` and position: what a rate is measured with. Constants would cost a
/// processor less power, and so run faster than any real product.
template <class T>
void fill_random(ExecSpace const& exec, std::uint64_t seed, Matrix<T> matrix);

/// A square product of random numbers, for rates.
template <class T>
class GemmProbe {
 public:
  GemmProbe(ExecSpace const& exec, std::int64_t size);
  /// One product, fenced before and after.
  void multiply() const;
  double flops() const { return 2.0 * double(size_) * double(size_) * double(size_); }

 private:
  ExecSpace exec_;
  std::int64_t size_;
  Matrix<T> a_, b_, c_;
};

}  // namespace moescope::kernels
