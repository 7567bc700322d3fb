#include "layers/attention.hpp"

#include "kernels/gemm.hpp"

namespace moescope {

template <class T>
Matrix<T> attention_forward(ExecSpace const& exec, kernels::AttentionShape const& shape, kernels::Rotation<T> const& rotation,
                            ConstMatrix<T> x, AttentionWeights<T> const& weights, AttentionActivations<T>& activations) {
  std::int64_t const num_tokens = std::int64_t(x.extent(0)), num_rotated = shape.num_heads + shape.num_kv_heads;
  activations.qkv = make_matrix<T>("layers::attention_qkv", num_tokens, shape.qkv_columns());
  activations.context = make_matrix<T>("layers::attention_context", num_tokens, shape.num_heads * shape.head_dim);
  activations.log_sum_exp = make_matrix<T>("layers::attention_log_sum_exp", num_tokens, shape.num_heads);
  kernels::linear<T>(exec, x, weights.qkv, activations.qkv);
  kernels::rope<T>(exec, rotation, activations.qkv, num_rotated, +1);
  kernels::causal_attention<T>(exec, shape, activations.qkv, activations.context, activations.log_sum_exp);
  auto const y = make_matrix<T>("layers::attention_y", num_tokens, std::int64_t(x.extent(1)));
  kernels::linear<T>(exec, activations.context, weights.output, y);
  return y;
}

template <class T>
Matrix<T> attention_backward(ExecSpace const& exec, kernels::AttentionShape const& shape, kernels::Rotation<T> const& rotation,
                             ConstMatrix<T> d_y, ConstMatrix<T> x, AttentionWeights<T> const& weights,
                             AttentionActivations<T> const& activations, AttentionWeights<T> const& gradients) {
  std::int64_t const num_tokens = std::int64_t(x.extent(0)), num_rotated = shape.num_heads + shape.num_kv_heads;
  auto const d_context = make_matrix<T>("layers::attention_d_context", num_tokens, shape.num_heads * shape.head_dim);
  kernels::linear_backward_input<T>(exec, d_y, weights.output, T(0), d_context);
  kernels::linear_backward_weight<T>(exec, d_y, activations.context, gradients.output);
  auto const d_qkv = make_matrix<T>("layers::attention_d_qkv", num_tokens, shape.qkv_columns());
  kernels::causal_attention_backward<T>(exec, shape, activations.qkv, activations.context, activations.log_sum_exp, d_context,
                                        d_qkv);
  kernels::rope<T>(exec, rotation, d_qkv, num_rotated, -1);
  kernels::linear_backward_weight<T>(exec, d_qkv, x, gradients.qkv);
  auto const d_x = make_matrix<T>("layers::attention_d_x", num_tokens, std::int64_t(x.extent(1)));
  kernels::linear_backward_input<T>(exec, d_qkv, weights.qkv, T(0), d_x);
  return d_x;
}

#define INSTANTIATE(T)                                                                                                    \
  template Matrix<T> attention_forward<T>(ExecSpace const&, kernels::AttentionShape const&, kernels::Rotation<T> const&,  \
                                          ConstMatrix<T>, AttentionWeights<T> const&, AttentionActivations<T>&);          \
  template Matrix<T> attention_backward<T>(ExecSpace const&, kernels::AttentionShape const&, kernels::Rotation<T> const&, \
                                           ConstMatrix<T>, ConstMatrix<T>, AttentionWeights<T> const&,                    \
                                           AttentionActivations<T> const&, AttentionWeights<T> const&);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace moescope
