#include "gates/gate.hpp"
#include "gates/noise.hpp"
#include "gates/selection.hpp"

namespace moescope {

namespace {

/// LLaMA-MoE's RandomPlainGate: k distinct experts drawn uniformly for each token, in training and evaluation. As
/// released each weighs 1/E (use_softmax), so that a token's weights add up to k/E, or 1. No parameters, no loss.
template <class T>
class RandomGate final : public Gate<T> {
 public:
  explicit RandomGate(ModelConfig const& model)
      : num_experts_(model.num_experts),
        top_k_(model.top_k),
        weight_(model.gate.use_softmax ? 1.0 / double(model.num_experts) : 1.0) {}

  GateResult<T> forward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const&,
                        GateContext const& context) const override {
    auto const draws = gates::draw_noise<double>(exec, Purpose::random_routing, context, x.extent(0), num_experts_);
    GateResult<T> result;
    result.routing = gates::route<T>(exec, gates::top_experts<double>(exec, draws, top_k_), top_k_, num_experts_);
    Kokkos::deep_copy(exec, result.routing.weight, Accumulate<T>(weight_));
    return result;
  }

  void backward(ExecSpace const&, ConstMatrix<T>, std::vector<Matrix<T>> const&, GateContext const&, GateResult<T> const&,
                ConstVector<Accumulate<T>>, Matrix<T>, std::vector<Matrix<Accumulate<T>>> const&) const override {}

 private:
  std::int64_t num_experts_, top_k_;
  double weight_;
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
