#pragma once
#include "base/views.hpp"

namespace moescope::kernels {

/// hidden[r,j] = silu(gate_up[r,j]) * gate_up[r,m+j] (Shazeer 2020, "GLU variants", SwiGLU). gate_up [R,2m], hidden [R,m].
template <class T>
void swiglu(ExecSpace const& exec, ConstMatrix<T> gate_up, Matrix<T> hidden);

/// Assigns d_gate_up [R,2m] from d_hidden [R,m].
template <class T>
void swiglu_backward(ExecSpace const& exec, ConstMatrix<T> d_hidden, ConstMatrix<T> gate_up, Matrix<T> d_gate_up);

}  // namespace moescope::kernels
