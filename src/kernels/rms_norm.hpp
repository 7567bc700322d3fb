#pragma once
#include "base/views.hpp"

namespace moescope::kernels {

/// y[t,h] = x[t,h] * r[t] * w[h], r[t] = 1 / sqrt(mean_h x[t,h]^2 + eps) (Zhang & Sennrich 2019, eq. 4; LLaMA's form).
/// Assigns y and inverse_rms [T].
template <class T>
void rms_norm(ExecSpace const& exec, ConstMatrix<T> x, ConstVector<T> w, double eps, Matrix<T> y,
              Vector<Accumulate<T>> inverse_rms);

/// d_x [T,H] = beta * d_x + the gradient by x, not read with beta = 0; adds to d_w [H]. Sums over tokens in a fixed order
/// independent of threads.
template <class T>
void rms_norm_backward(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> x, ConstVector<T> w,
                       ConstVector<Accumulate<T>> inverse_rms, Accumulate<T> beta, Matrix<T> d_x, Vector<Accumulate<T>> d_w);

}  // namespace moescope::kernels
