#include <algorithm>

#include "gates/losses/share_loss.hpp"

namespace moescope {

/// The balance loss of Switch (Fedus et al. 2021): E sum_e f_e P_e of a pool, mean over pools; P: mean affinity of the expert, f:
/// its share of the choices.
template <class T>
std::unique_ptr<RouterLoss<T>> make_switch_loss(LossConfig const& loss, ModelConfig const& model) {
  auto const scale = [experts = double(model.num_experts)](double choices, double) { return experts / std::max(1.0, choices); };
  return std::make_unique<gates::ShareLoss<T>>(loss.pool, gates::ShareForm{.normalised = false, .scale = scale});
}
#define MOESCOPE_INSTANTIATE(T) \
  template std::unique_ptr<RouterLoss<T>> make_switch_loss<T>(LossConfig const&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
