#include "gates/affinity_gate.hpp"

namespace moescope {

namespace {

/// OLMoE (Muennighoff et al. 2024): the k largest of the softmax over all experts, which weigh as they are.
template <class T>
class OlmoeGate final : public gates::AffinityGate<T> {
 public:
  explicit OlmoeGate(ModelConfig const& model)
      : gates::AffinityGate<T>(model, gates::AffinityGate<T>::Affinity::softmax, false) {}
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_olmoe_gate(ModelConfig const& model) {
  return std::make_unique<OlmoeGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_olmoe_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
