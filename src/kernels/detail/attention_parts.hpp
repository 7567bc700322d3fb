#pragma once
#include "kernels/attention.hpp"

/// The two ways of causal_attention; arguments as there, checked. Internal to kernels.
namespace moescope::kernels {

/// For hosts: each tile of scores is made, used and forgotten by one thread, in its cache.
template <class T>
void causal_attention_on_host(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv, Matrix<T> context,
                              Matrix<Accumulate<T>> log_sum_exp);
/// delta[t, head] = <d_context, context> of that head.
template <class T>
void causal_attention_on_host_backward(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv,
                                       ConstMatrix<Accumulate<T>> log_sum_exp, ConstMatrix<Accumulate<T>> delta,
                                       ConstMatrix<T> d_context, Matrix<T> d_qkv);

/// For devices: the tiles at one distance from the diagonal are one batch of products.
template <class T>
void causal_attention_batched(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv, Matrix<T> context,
                              Matrix<Accumulate<T>> log_sum_exp);
template <class T>
void causal_attention_batched_backward(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv,
                                       ConstMatrix<Accumulate<T>> log_sum_exp, ConstMatrix<Accumulate<T>> delta,
                                       ConstMatrix<T> d_context, Matrix<T> d_qkv);

}  // namespace moescope::kernels
