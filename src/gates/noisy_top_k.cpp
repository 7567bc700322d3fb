#include "base/error.hpp"
#include "gates/noisy_gate.hpp"

namespace moescope {

namespace {

/// LLaMA-MoE's TopKBalancedNoisyGate (Shazeer et al. 2017).
template <class T>
class NoisyTopKGate final : public gates::NoisyGate<T> {
 public:
  explicit NoisyTopKGate(ModelConfig const& model)
      : gates::NoisyGate<T>(model, {model.gate.use_softmax, model.gate.add_noise, model.gate.noise_epsilon,
                                    model.gate.load_estimate == "released"}) {
    MOESCOPE_CHECK(model.gate.load_estimate == "released" || model.gate.load_estimate == "noisy_logit");
  }
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_noisy_top_k_gate(ModelConfig const& model) {
  return std::make_unique<NoisyTopKGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_noisy_top_k_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
