#include "gates/affinity_gate.hpp"

namespace moescope {

namespace {

/// Qwen2-MoE and Qwen3-MoE: the k largest of the softmax over all experts, which weigh as they are or, with gate.normalise, over
/// their sum (norm_topk_prob).
template <class T>
class QwenMoeGate final : public gates::AffinityGate<T> {
 public:
  explicit QwenMoeGate(ModelConfig const& model)
      : gates::AffinityGate<T>(model, gates::AffinityGate<T>::Affinity::softmax, model.gate.normalise) {}
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_qwen_moe_gate(ModelConfig const& model) {
  return std::make_unique<QwenMoeGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_qwen_moe_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
