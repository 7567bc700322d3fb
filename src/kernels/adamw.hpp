#pragma once
#include "base/views.hpp"

namespace moescope::kernels {

struct AdamWStep {
  double learning_rate, beta1, beta2, epsilon, weight_decay, gradient_scale;
  std::int64_t step;  ///< 1 for the first update (bias correction)
};

/// Decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2, as torch.optim.AdamW): g = gradient_scale * gradient;
/// value *= 1 - lr * weight_decay; m, v updated; value -= lr * m_hat / (sqrt(v_hat) + epsilon). All [n], of parameters stored as
/// T.
template <class T>
void adamw(ExecSpace const& exec, AdamWStep const& step, ConstVector<Accumulate<T>> gradient, Vector<T> value,
           Vector<Accumulate<T>> first_moment, Vector<Accumulate<T>> second_moment);

/// Sum of squares in double, fixed order.
template <class T>
double sum_of_squares(ExecSpace const& exec, ConstVector<T> x);

}  // namespace moescope::kernels
