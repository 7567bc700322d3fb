#include "config/gate_kinds.hpp"
#include "gates/losses/share_loss.hpp"

namespace moescope {

/// The device-level loss of DeepSeek-V2 (2024, equations 26 to 28): sum over groups of experts of the mean f and the sum of P,
/// with f = E / (k T) choices of the expert.
template <class T>
std::unique_ptr<RouterLoss<T>> make_device_loss(LossConfig const& loss, ModelConfig const& model) {
  auto const per_choice = double(model.num_experts) / double(choices_per_token(model));
  auto const scale = [=](double, double tokens) { return per_choice / tokens; };
  return std::make_unique<gates::ShareLoss<T>>(
      loss.pool, gates::ShareForm{.group_size = model.num_experts / model.gate.num_groups, .scale = scale});
}
#define MOESCOPE_INSTANTIATE(T) \
  template std::unique_ptr<RouterLoss<T>> make_device_loss<T>(LossConfig const&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
