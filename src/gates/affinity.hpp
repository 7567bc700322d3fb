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

/// sum [tokens,E] = a + b.
template <class A>
Matrix<A> sum_of(ExecSpace const& exec, ConstMatrix<A> a, ConstMatrix<A> b);

}  // namespace moescope::gates
