#include "model/block.hpp"

namespace moescope {

template <class T>
BlockServices<T> make_block_services(ModelConfig const& model, std::string const& dispatcher, Mesh& mesh) {
  BlockServices<T> services{model, &mesh, {}, ModelExchanges(mesh), ExpertBranch<T>::routed(model, dispatcher, mesh), {}, {}};
  if (model.residual.num_experts > 0) services.residual = ExpertBranch<T>::residual(model);
  return services;
}

/// One decoder block, as in the paper's figure: x + attention(norm(x)), then x + moe(norm(x)).
template <class T>
Matrix<T> block_forward(ExecSpace const& exec, BlockServices<T>& services, Pass const& pass, Matrix<T> x,
                        BlockTensors<T> const& weights, BlockActivations<T>& activations) {
  x = attention_block_forward<T>(exec, services, pass, x, weights, activations.attention);
  return moe_block_forward<T>(exec, services, pass, x, weights, activations.moe);
}

template <class T>
void block_backward(ExecSpace const& exec, BlockServices<T>& services, Pass const& pass, BlockTensors<T> const& weights,
                    BlockActivations<T> const& activations, BlockTensors<Accumulate<T>> const& gradients, Matrix<T> d_x) {
  moe_block_backward<T>(exec, services, pass, weights, activations.moe, gradients, d_x);
  attention_block_backward<T>(exec, services, weights, activations.attention, gradients, d_x);
}

#define MOESCOPE_INSTANTIATE(T)                                                                                            \
  template BlockServices<T> make_block_services<T>(ModelConfig const&, std::string const&, Mesh&);                         \
  template Matrix<T> block_forward<T>(ExecSpace const&, BlockServices<T>&, Pass const&, Matrix<T>, BlockTensors<T> const&, \
                                      BlockActivations<T>&);                                                               \
  template void block_backward<T>(ExecSpace const&, BlockServices<T>&, Pass const&, BlockTensors<T> const&,                \
                                  BlockActivations<T> const&, BlockTensors<Accumulate<T>> const&, Matrix<T>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
