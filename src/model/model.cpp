#include "model/model.hpp"

#include "base/error.hpp"

namespace moescope {

template <class T>
double Activations<T>::balance_loss() const {
  double sum = 0;
  for (auto const& block : blocks) sum += block.moe.routed.gate.balance_loss;
  return sum;
}

template <class T>
Model<T>::Model(ModelConfig const& model, std::string const& dispatcher, Mesh& mesh)
    : pool_(mesh), services_(make_block_services<T>(model, dispatcher, mesh, pool_)) {
  mesh.layout().check_model(model);
}

template <class T>
Activations<T> Model<T>::forward(ExecSpace const& exec, Pass const& pass, ModelTensors<T> const& weights) {
  MOESCOPE_CHECK(pass.kind != Pass::Kind::backward && pass.batch);
  auto const& batch = *pass.batch;
  pool_.set_sharers(batch.pool_axis, batch.owned_tokens);
  Activations<T> activations;
  activations.blocks.resize(weights.blocks.size());
  auto x = embed_forward<T>(exec, mesh(), services_.exchanges, config(), batch, weights.embedding);
  for (std::size_t layer = 0; layer < weights.blocks.size(); ++layer) {
    x = block_forward<T>(exec, services_, pass, x, weights.blocks[layer], activations.blocks[layer]);
  }
  activations.cross_entropy_sum =
      head_forward<T>(exec, mesh(), services_.exchanges, config(), batch, x, weights, activations.head);
  return activations;
}

template <class T>
void Model<T>::backward(ExecSpace const& exec, Pass const& pass, double loss_scale, ModelTensors<T> const& weights,
                        Activations<T>& activations, ModelTensors<T> const& gradients) {
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

template struct Activations<double>;
template struct Activations<float>;
template class Model<double>;
template class Model<float>;

}  // namespace moescope
