#pragma once
#include "base/scalar.hpp"
#include "base/views.hpp"

/// What a gate's logits [tokens,E] say of each token and expert, and the backward of it, which adds to d_logits.
namespace moescope::gates {

/// exp(logit) / sum over all experts; of a row without a finite largest logit NaN.
template <class A>
Matrix<A> softmax_of_rows(ExecSpace const& exec, ConstMatrix<A> logits);
template <class A>
void softmax_of_rows_backward(ExecSpace const& exec, ConstMatrix<A> softmax, ConstMatrix<A> d_softmax, Matrix<A> d_logits);

/// 1 / (1 + exp(-logit))
template <class A>
Matrix<A> sigmoid(ExecSpace const& exec, ConstMatrix<A> logits);
template <class A>
void sigmoid_backward(ExecSpace const& exec, ConstMatrix<A> sigmoid, ConstMatrix<A> d_sigmoid, Matrix<A> d_logits);

}  // namespace moescope::gates
