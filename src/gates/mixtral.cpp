#include "gates/learnable.hpp"

namespace moescope {

namespace {

/// Mixtral (Jiang et al. 2024): the k largest logits, weighted by the softmax over them.
template <class T>
class MixtralGate final : public gates::LearnableGate<T> {
 public:
  explicit MixtralGate(ModelConfig const& model) : gates::LearnableGate<T>(model, true) {}
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_mixtral_gate(ModelConfig const& model) {
  return std::make_unique<MixtralGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_mixtral_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
