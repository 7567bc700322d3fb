#include "gates/affinity_gate.hpp"

namespace moescope {

namespace {

/// Llama 4 (Meta 2025): the k largest logits, weighted by the sigmoid of each. Its weights act on the input of experts
/// (weight_at).
template <class T>
class Llama4Gate final : public gates::AffinityGate<T> {
 public:
  using typename Gate<T>::Parameters;

  explicit Llama4Gate(ModelConfig const& model)
      : gates::AffinityGate<T>(model, gates::AffinityGate<T>::Affinity::sigmoid, false) {}

 protected:
  /// The logits, which differ where their sigmoids round to one number.
  void rank(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters, GateContext const& context,
            Scores<T>& scores) const override {
    gates::AffinityGate<T>::rank(exec, x, parameters, context, scores);
    scores.ranking = scores.logits;
  }
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_llama4_gate(ModelConfig const& model) {
  return std::make_unique<Llama4Gate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_llama4_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
