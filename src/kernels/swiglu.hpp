#pragma once
#include "base/views.hpp"

namespace moescope::kernels {

/// Rows of unequal widths m lie behind each other: row r holds elements [starts[r], starts[r+1]) of `hidden`, and twice as
/// many from 2 * starts[r] on of `gate_up`, the gate's m before up's. starts [R+1], weight [R].
/// hidden[r,j] = weight[r] * silu(gate[r,j]) * up[r,j] (Shazeer 2020, "GLU variants", SwiGLU).
template <class T>
void swiglu(ExecSpace const& exec, ConstVector<std::int64_t> starts, ConstVector<Accumulate<T>> weight, ConstVector<T> gate_up,
            Vector<T> hidden);

/// Assigns d_gate_up, shaped as gate_up, and d_weight[r] = sum over j of d_hidden[r,j] * silu(gate[r,j]) * up[r,j].
template <class T>
void swiglu_backward(ExecSpace const& exec, ConstVector<std::int64_t> starts, ConstVector<Accumulate<T>> weight,
                     ConstVector<T> d_hidden, ConstVector<T> gate_up, Vector<T> d_gate_up, Vector<Accumulate<T>> d_weight);

}  // namespace moescope::kernels
