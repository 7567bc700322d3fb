#include "gates/constant_gate.hpp"
#include "gates/noise.hpp"
#include "gates/selection.hpp"

namespace moescope {

namespace {

/// LLaMA-MoE's RandomPlainGate: k distinct experts drawn uniformly for each token, in training and evaluation. As
/// released each weighs 1/E (use_softmax), so that a token's weights add up to k/E, or 1. No parameters.
template <class T>
class RandomGate final : public gates::ConstantGate<T> {
 public:
  explicit RandomGate(ModelConfig const& model)
      : gates::ConstantGate<T>(model, model.gate.use_softmax ? 1.0 / double(model.num_experts) : 1.0) {}

  Routing<T> choose(ExecSpace const& exec, Scores<T> const&, GateContext const& context) const override {
    auto const draws =
        gates::draw_noise<double>(exec, Purpose::random_routing, context, context.tokens.size(), this->num_experts_);
    return gates::route<T>(exec, gates::top_experts<double>(exec, draws, this->top_k_), this->top_k_, this->num_experts_);
  }
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_random_gate(ModelConfig const& model) {
  return std::make_unique<RandomGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_random_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
