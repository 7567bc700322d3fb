#include "gates/learnable.hpp"

namespace moescope {

namespace {

/// LLaMA-MoE's UniformLearnableGate: every expert, weighted by the network.
template <class T>
class UniformLearnableGate final : public gates::LearnableGate<T> {
 public:
  using gates::LearnableGate<T>::LearnableGate;
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_uniform_learnable_gate(ModelConfig const& model) {
  return std::make_unique<UniformLearnableGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_uniform_learnable_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
