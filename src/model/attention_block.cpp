#include "base/region.hpp"
#include "comm/exchange.hpp"
#include "kernels/permute.hpp"
#include "kernels/rms_norm.hpp"
#include "model/block.hpp"

namespace moescope {

namespace {

kernels::AttentionShape local_shape(ModelConfig const& model, Layout const& layout, std::int64_t rank, MicroBatch const& batch) {
  auto const queries = layout.query_heads(model, rank), keys = layout.kv_heads(model, rank);
  kernels::AttentionShape shape{batch.sequences, batch.sequence_length, queries.size(), keys.size(), model.head_dim, {}};
  for (auto q = queries.begin; q < queries.end; ++q) {
    shape.kv_of_head.push_back(q * model.num_kv_heads / model.num_heads - keys.begin);
  }
  return shape;
}

}  // namespace

template <class T>
Matrix<T> attention_block_forward(ExecSpace const& exec, BlockServices<T>& services, Pass const& pass, Matrix<T> x,
                                  BlockTensors<T> const& weights, AttentionState<T>& state) {
  Region const region(Phase::attention);
  auto& mesh = *services.mesh;
  auto const tokens = std::int64_t(x.extent(0)), hidden = std::int64_t(x.extent(1));
  state.input = x;
  state.normed = make_matrix<T>("model::attention_normed", tokens, hidden);
  state.inverse_rms = make_vector<T>("model::attention_inverse_rms", tokens);
  state.shape = local_shape(services.model, mesh.layout(), mesh.rank(), *pass.batch);

  if (std::int64_t(services.rope_table.extent(0)) != state.shape.sequence_length) {
    services.rope_table =
        kernels::rope_table<T>(exec, state.shape.sequence_length, state.shape.head_dim, services.model.rope_theta);
  }

  state.rotation = {services.rope_table, pass.batch->ids.on_device()};
  kernels::rms_norm<T>(exec, x, weights.attention_norm, services.model.rms_norm_eps, state.normed, state.inverse_rms);
  auto const y = attention_forward<T>(exec, state.shape, state.rotation, state.normed, weights.attention, state.activations);
  start_all_reduce<T>(exec, mesh, services.exchanges.attention_forward, Reduction::sum, y).wait();
  kernels::add<T>(exec, T(1), x, y);
  return y;
}

template <class T>
void attention_block_backward(ExecSpace const& exec, BlockServices<T>& services, BlockTensors<T> const& weights,
                              AttentionState<T> const& state, BlockTensors<T> const& gradients, Matrix<T> d_x) {
  Region const region(Phase::attention);
  auto const d_normed = attention_backward<T>(exec, state.shape, state.rotation, d_x, state.normed, weights.attention,
                                              state.activations, gradients.attention);
  start_all_reduce<T>(exec, *services.mesh, services.exchanges.attention_backward, Reduction::sum, d_normed).wait();
  kernels::rms_norm_backward<T>(exec, d_normed, state.input, weights.attention_norm, state.inverse_rms, T(1), d_x,
                                gradients.attention_norm);
}

#define MOESCOPE_INSTANTIATE(T)                                                                              \
  template Matrix<T> attention_block_forward<T>(ExecSpace const&, BlockServices<T>&, Pass const&, Matrix<T>, \
                                                BlockTensors<T> const&, AttentionState<T>&);                 \
  template void attention_block_backward<T>(ExecSpace const&, BlockServices<T>&, BlockTensors<T> const&,     \
                                            AttentionState<T> const&, BlockTensors<T> const&, Matrix<T>);
MOESCOPE_INSTANTIATE(double)
MOESCOPE_INSTANTIATE(float)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
