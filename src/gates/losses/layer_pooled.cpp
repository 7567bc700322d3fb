#include "gates/losses/share_loss.hpp"

namespace moescope {

/// Hugging Face's `load_balancing_loss_func` of Mixtral: E sum_e f_e P_e, both over the tokens of all layers together, f:
/// choices of the expert over tokens (k at balance: it is not divided by the choices of a token).
template <class T>
std::unique_ptr<RouterLoss<T>> make_layer_pooled_loss(LossConfig const& loss, ModelConfig const& model) {
  auto const scale = [experts = double(model.num_experts)](double, double tokens) { return experts / tokens; };
  return std::make_unique<gates::ShareLoss<T>>(loss.pool, gates::ShareForm{.joins_layers = true, .scale = scale});
}
#define MOESCOPE_INSTANTIATE(T) \
  template std::unique_ptr<RouterLoss<T>> make_layer_pooled_loss<T>(LossConfig const&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
