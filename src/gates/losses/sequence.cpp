#include "config/gate_kinds.hpp"
#include "gates/losses/share_loss.hpp"

namespace moescope {

/// The sequence-wise loss of DeepSeek-V3 (2024, equations 17 to 20): sum_e f_e P_e with f = E / (k T) choices of the expert.
template <class T>
std::unique_ptr<RouterLoss<T>> make_sequence_loss(LossConfig const& loss, ModelConfig const& model) {
  auto const per_choice = double(model.num_experts) / double(choices_per_token(model));
  auto const scale = [=](double, double tokens) { return per_choice / tokens; };
  return std::make_unique<gates::ShareLoss<T>>(loss.pool, gates::ShareForm{.scale = scale});
}
#define MOESCOPE_INSTANTIATE(T) \
  template std::unique_ptr<RouterLoss<T>> make_sequence_loss<T>(LossConfig const&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
