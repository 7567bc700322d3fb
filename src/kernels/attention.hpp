#pragma once
#include <vector>

#include "base/views.hpp"

namespace moescope::kernels {

/// Shape of the attention of one rank. qkv rows hold num_heads query, num_kv_heads key, num_kv_heads value blocks of
/// head_dim columns; query head q reads KV head kv_of_head[q] (local indices).
struct AttentionShape {
  std::int64_t sequences, sequence_length, num_heads, num_kv_heads, head_dim;
  std::vector<std::int64_t> kv_of_head;  ///< [num_heads]
  std::int64_t qkv_columns() const { return (num_heads + 2 * num_kv_heads) * head_dim; }
};

/// context[t, head] = softmax(q k^T / sqrt(head_dim), causal) v in blocks with an online softmax (Dao et al. 2022): memory
/// linear in the sequence. Assigns context [T, num_heads*head_dim] and log_sum_exp [T, num_heads]; T = sequences *
/// sequence_length.
template <class T>
void causal_attention(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv, Matrix<T> context,
                      Matrix<Accumulate<T>> log_sum_exp);

/// Assigns d_qkv [T, qkv_columns]; scores are recomputed block by block from log_sum_exp.
template <class T>
void causal_attention_backward(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv, ConstMatrix<T> context,
                               ConstMatrix<Accumulate<T>> log_sum_exp, ConstMatrix<T> d_context, Matrix<T> d_qkv);

}  // namespace moescope::kernels
