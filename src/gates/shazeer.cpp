#include "gates/noisy_gate.hpp"

namespace moescope {

namespace {

/// Shazeer et al. 2017, "Outrageously large neural networks", as published: nothing is added to the softplus of the noise logits,
/// and an expert counts as chosen by its noisy logit.
template <class T>
class ShazeerGate final : public gates::NoisyGate<T> {
 public:
  explicit ShazeerGate(ModelConfig const& model)
      : gates::NoisyGate<T>(model,
                            {.use_softmax = true, .add_noise = model.gate.add_noise, .epsilon = 0, .load_as_released = false}) {}
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_shazeer_gate(ModelConfig const& model) {
  return std::make_unique<ShazeerGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_shazeer_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
