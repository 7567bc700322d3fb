#pragma once
#include "kernels/attention.hpp"
#include "kernels/rope.hpp"

namespace moescope {

/// One rank's share: qkv rows hold the query, key and value projections of its heads, o the matching columns.
template <class T>
struct AttentionWeights {
  Matrix<T> qkv;     ///< [qkv_columns, H]
  Matrix<T> output;  ///< [H, num_heads * head_dim]
};

template <class T>
struct AttentionActivations {
  Matrix<T> qkv;          ///< [T, qkv_columns], rotated
  Matrix<T> context;      ///< [T, num_heads * head_dim]
  Matrix<T> log_sum_exp;  ///< [T, num_heads]
};

/// Causal self-attention with rotary positions (kernels/rope.hpp) and grouped KV heads. x [T,H] -> y [T,H]: this rank's partial
/// sum over heads; the caller adds the ranks' sums.
template <class T>
Matrix<T> attention_forward(ExecSpace const& exec, kernels::AttentionShape const& shape, kernels::Rotation<T> const& rotation,
                            ConstMatrix<T> x, AttentionWeights<T> const& weights, AttentionActivations<T>& activations);

/// d_y [T,H] (complete) -> d_x [T,H], this rank's partial sum. Adds to the weight gradients.
template <class T>
Matrix<T> attention_backward(ExecSpace const& exec, kernels::AttentionShape const& shape, kernels::Rotation<T> const& rotation,
                             ConstMatrix<T> d_y, ConstMatrix<T> x, AttentionWeights<T> const& weights,
                             AttentionActivations<T> const& activations, AttentionWeights<T> const& gradients);

}  // namespace moescope
