#include "gates/losses/share_loss.hpp"

namespace moescope {

/// GShard's (Lepikhin et al. 2020, algorithm 1), with the factor E that Tutel and DeepSpeed have: E sum_e f_e P_e, f: the share
/// of the pool's tokens whose first choice the expert is.
template <class T>
std::unique_ptr<RouterLoss<T>> make_gshard_loss(LossConfig const& loss, ModelConfig const& model) {
  auto const scale = [experts = double(model.num_experts)](double, double tokens) { return experts / tokens; };
  return std::make_unique<gates::ShareLoss<T>>(loss.pool, gates::ShareForm{.first_choice_only = true, .scale = scale});
}
#define MOESCOPE_INSTANTIATE(T) \
  template std::unique_ptr<RouterLoss<T>> make_gshard_loss<T>(LossConfig const&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
