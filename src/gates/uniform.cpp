#include "gates/constant_gate.hpp"
#include "gates/selection.hpp"

namespace moescope {

namespace {

template <class T>
Matrix<int> all_experts(ExecSpace const& exec, std::int64_t tokens, std::int64_t num_experts) {
  auto const order = make_matrix<int>("gates::order", tokens, num_experts);
  Kokkos::parallel_for(
      "gates::all_experts", Kokkos::RangePolicy<ExecSpace>(exec, 0, order.size()),
      KOKKOS_LAMBDA(std::int64_t i) { order(i / num_experts, i % num_experts) = int(i % num_experts); });
  return order;
}

/// LLaMA-MoE's UniformPlainGate: every expert, with weight 1/E (use_softmax) or 1. No parameters.
template <class T>
class UniformGate final : public gates::ConstantGate<T> {
 public:
  explicit UniformGate(ModelConfig const& model)
      : gates::ConstantGate<T>(model, model.gate.use_softmax ? 1.0 / double(model.num_experts) : 1.0) {}

  Routing<T> choose(ExecSpace const& exec, Scores<T> const&, GateContext const& context) const override {
    auto const order = all_experts<T>(exec, context.tokens.size(), this->num_experts_);
    return gates::route<T>(exec, order, this->num_experts_, this->num_experts_);
  }
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_uniform_gate(ModelConfig const& model) {
  return std::make_unique<UniformGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_uniform_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
