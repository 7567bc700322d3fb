#include "model/block.hpp"

namespace moescope {

template <class T>
BlockServices<T> make_block_services(ModelConfig const& model, std::string const& dispatcher, Mesh& mesh, MeshPool& pool) {
  auto residual_gate = model.residual.num_experts > 0 ? make_gate<T>(residual_gate_model(model)) : nullptr;
  return {model,
          &mesh,
          &pool,
          ModelExchanges(mesh),
          make_gate<T>(model),
          std::move(residual_gate),
          make_dispatcher<T>(dispatcher, mesh, model)};
}

/// One decoder block, as in the paper's figure: x + attention(norm(x)), then x + moe(norm(x)).
template <class T>
Matrix<T> block_forward(ExecSpace const& exec, BlockServices<T>& services, MicroBatch const& batch, PassContext const& pass,
                        std::int64_t layer, Matrix<T> x, BlockTensors<T> const& weights, BlockActivations<T>& activations) {
  x = attention_block_forward<T>(exec, services, batch, x, weights, activations.attention);
  return moe_block_forward<T>(exec, services, batch, pass, layer, x, weights, activations.moe);
}

template <class T>
void block_backward(ExecSpace const& exec, BlockServices<T>& services, MicroBatch const& batch, std::int64_t layer,
                    BlockTensors<T> const& weights, BlockActivations<T> const& activations, ExpertGradients how,
                    BlockTensors<T> const& gradients, Matrix<T> d_x) {
  moe_block_backward<T>(exec, services, batch, layer, weights, activations.moe, how, gradients, d_x);
  attention_block_backward<T>(exec, services, weights, activations.attention, gradients, d_x);
}

#define MOESCOPE_INSTANTIATE(T)                                                                                                 \
  template BlockServices<T> make_block_services<T>(ModelConfig const&, std::string const&, Mesh&, MeshPool&);                   \
  template Matrix<T> block_forward<T>(ExecSpace const&, BlockServices<T>&, MicroBatch const&, PassContext const&, std::int64_t, \
                                      Matrix<T>, BlockTensors<T> const&, BlockActivations<T>&);                                 \
  template void block_backward<T>(ExecSpace const&, BlockServices<T>&, MicroBatch const&, std::int64_t, BlockTensors<T> const&, \
                                  BlockActivations<T> const&, ExpertGradients, BlockTensors<T> const&, Matrix<T>);
MOESCOPE_INSTANTIATE(double)
MOESCOPE_INSTANTIATE(float)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
