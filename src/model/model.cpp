#include "model/model.hpp"

#include "base/error.hpp"

namespace moescope {

template <class T>
double Activations<T>::balance_loss() const {
  double sum = 0;
  for (auto const& block : blocks) sum += block.moe.routed.router.balance_loss();
  return sum;
}

template <class T>
Model<T>::Model(ModelConfig const& model, std::string const& dispatcher, Mesh& mesh)
    : pools_(model, mesh), services_(make_block_services<T>(model, dispatcher, mesh)) {
  mesh.layout().check_model(model);
}

template <class T>
Activations<T> Model<T>::forward(ExecSpace const& exec, Pass const& pass, ModelTensors<T> const& weights) {
  MOESCOPE_CHECK(pass.kind != Pass::Kind::backward && pass.batch);
  auto const& batch = *pass.batch;
  services_.pools = pools_.of(batch);
  Activations<T> activations;
  activations.blocks.resize(weights.blocks.size());
  auto x = embed_forward<T>(exec, mesh(), services_.exchanges, config(), batch, weights.embedding);
  for (std::size_t layer = 0; layer < weights.blocks.size(); ++layer) {
    x = block_forward<T>(exec, services_, pass, x, weights.blocks[layer], activations.blocks[layer]);
  }
  std::vector<RouterResult<T>*> routers;
  for (auto& block : activations.blocks) routers.push_back(&block.moe.routed.router);
  services_.routed.router().join(routers);
  activations.cross_entropy_sum =
      head_forward<T>(exec, mesh(), services_.exchanges, config(), batch, x, weights, activations.head);
  return activations;
}

template <class T>
void Model<T>::backward(ExecSpace const& exec, Pass const& pass, double loss_scale, ModelTensors<T> const& weights,
                        Activations<T>& activations, ModelTensors<Accumulate<T>> const& gradients) {
  MOESCOPE_CHECK(pass.kind == Pass::Kind::backward && pass.batch);
  auto const& batch = *pass.batch;
  auto const d_x =
      head_backward<T>(exec, mesh(), services_.exchanges, config(), batch, loss_scale, weights, activations.head, gradients);
  activations.head = {};
  for (auto layer = weights.blocks.size(); layer-- > 0;) {
    block_backward<T>(exec, services_, pass, weights.blocks[layer], activations.blocks[layer], gradients.blocks[layer], d_x);
    activations.blocks[layer] = {};
  }
  embed_backward<T>(exec, mesh(), config(), batch, d_x, gradients.embedding);
}

#define MOESCOPE_INSTANTIATE(T)   \
  template struct Activations<T>; \
  template class Model<T>;
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
