#include "gates/gate.hpp"
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

/// LLaMA-MoE's UniformPlainGate: every expert, with weight 1/E (use_softmax) or 1. No parameters, no loss.
template <class T>
class UniformGate final : public Gate<T> {
 public:
  explicit UniformGate(ModelConfig const& model)
      : num_experts_(model.num_experts), weight_(model.gate.use_softmax ? 1.0 / double(model.num_experts) : 1.0) {}

  GateResult<T> forward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const&,
                        GateContext const&) const override {
    GateResult<T> result;
    auto const order = all_experts<T>(exec, x.extent(0), num_experts_);
    result.routing = gates::route<T>(exec, order, num_experts_, num_experts_);
    Kokkos::deep_copy(exec, result.routing.weight, Accumulate<T>(weight_));
    return result;
  }

  void backward(ExecSpace const&, ConstMatrix<T>, std::vector<Matrix<T>> const&, GateContext const&, GateResult<T> const&,
                ConstVector<Accumulate<T>>, Matrix<T>, std::vector<Matrix<Accumulate<T>>> const&) const override {}

 private:
  std::int64_t num_experts_;
  double weight_;
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
