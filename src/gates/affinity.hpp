#pragma once
#include "base/views.hpp"
#include "gates/routing.hpp"

namespace moescope::gates {

/// Softmax over all experts of each row of logits [tokens,E].
template <class A>
Matrix<A> softmax_rows(ExecSpace const& exec, ConstMatrix<A> logits);
/// Adds the gradient through it, from dL/d(softmax), to d_logits [tokens,E].
template <class A>
void softmax_rows_backward(ExecSpace const& exec, ConstMatrix<A> softmax, ConstMatrix<A> d_softmax, Matrix<A> d_logits);

/// weight[choice] = values[token, expert], values [tokens,E].
template <class T>
void take_weights(ExecSpace const& exec, ConstMatrix<Accumulate<T>> values, Routing<T> const& routing);
/// Adds dL/d(weight) of each choice to d_values [tokens,E].
template <class T>
void take_weights_backward(ExecSpace const& exec, Routing<T> const& routing, ConstVector<Accumulate<T>> d_weight,
                           Matrix<Accumulate<T>> d_values);

/// sum [tokens,E] = a + b.
template <class A>
Matrix<A> sum_of(ExecSpace const& exec, ConstMatrix<A> a, ConstMatrix<A> b);

}  // namespace moescope::gates
