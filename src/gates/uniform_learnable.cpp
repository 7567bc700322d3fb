#include "gates/learnable.hpp"

namespace moescope {

namespace {

/// LLaMA-MoE's UniformLearnableGate: every expert, weighted by the network.
template <class T>
class UniformLearnableGate final : public gates::LearnableGate<T> {
 public:
  using gates::LearnableGate<T>::LearnableGate;

 protected:
  Matrix<int> select(ExecSpace const& exec, ConstMatrix<T> logits, GateContext const&) const override {
    return gates::top_experts<T>(exec, logits, this->num_experts_);
  }
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_uniform_learnable_gate(ModelConfig const& model) {
  return std::make_unique<UniformLearnableGate<T>>(model);
}
template std::unique_ptr<Gate<float>> make_uniform_learnable_gate<float>(ModelConfig const&);
template std::unique_ptr<Gate<double>> make_uniform_learnable_gate<double>(ModelConfig const&);

}  // namespace moescope
