#pragma once
#include "base/views.hpp"

namespace moescope::gates {

/// 1 / (1 + exp(-logit)) of logits [tokens,E].
template <class A>
Matrix<A> sigmoid(ExecSpace const& exec, ConstMatrix<A> logits);
/// Adds the gradient through it, from dL/d(sigmoid), to d_logits [tokens,E].
template <class A>
void sigmoid_backward(ExecSpace const& exec, ConstMatrix<A> sigmoid, ConstMatrix<A> d_sigmoid, Matrix<A> d_logits);

}  // namespace moescope::gates
