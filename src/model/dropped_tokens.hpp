#pragma once
#include "gates/routing.hpp"

namespace moescope {

/// Dropped choices under dropped_padding = "input": y[t,:] += weight[c] * x[t,:] for every choice c of t that is not kept
/// (LLaMA-MoE's SwitchDropTokenCalculator). weight [choices], x, y [tokens,H].
template <class T>
void add_dropped_inputs(ExecSpace const& exec, Routing<T> const& routing, ConstVector<Accumulate<T>> weight, ConstMatrix<T> x,
                        Matrix<T> y);

/// d_x += weight * d_y and d_weight[c] = <d_y[t,:], x[t,:]> for choices that are not kept; others are left alone.
template <class T>
void add_dropped_inputs_backward(ExecSpace const& exec, Routing<T> const& routing, ConstVector<Accumulate<T>> weight,
                                 ConstMatrix<T> d_y, ConstMatrix<T> x, Matrix<T> d_x, Vector<Accumulate<T>> d_weight);

}  // namespace moescope
