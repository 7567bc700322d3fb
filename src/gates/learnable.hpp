#pragma once
#include "gates/gate_network.hpp"
#include "gates/selection.hpp"

namespace moescope::gates {

/// A gate without a balance loss whose weights are the network's scores over the experts that a subclass selects: their
/// softmax (use_softmax) or the logits themselves. The selection has no gradient.
template <class T>
class LearnableGate : public Gate<T> {
 public:
  explicit LearnableGate(ModelConfig const& model)
      : num_experts_(model.num_experts), use_softmax_(model.gate.use_softmax), network_(model) {}

  GateResult<T> forward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters,
                        GateContext const& context) const override {
    auto const activations = network_.forward(exec, x, parameters);
    auto const order = select(exec, activations.logits, context);
    GateResult<T> result;
    result.routing = route<T>(exec, order, order.extent(1), num_experts_);
    score_choices<T>(exec, activations.logits, use_softmax_, result.routing);
    result.saved = activations;
    return result;
  }

  void backward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters, GateContext const&,
                GateResult<T> const& result, ConstVector<Accumulate<T>> d_weight, Matrix<T> d_x,
                std::vector<Matrix<Accumulate<T>>> const& gradients) const override {
    auto const& activations = std::any_cast<typename GateNetwork<T>::Activations const&>(result.saved);
    auto const d_logits = make_matrix<Accumulate<T>>("gates::d_logits", x.extent(0), num_experts_);
    score_choices_backward<T>(exec, result.routing, use_softmax_, d_weight, d_logits);
    network_.backward(exec, x, parameters, activations, d_logits, d_x, gradients);
  }

 protected:
  /// [tokens, choices], best first.
  virtual Matrix<int> select(ExecSpace const& exec, ConstMatrix<Accumulate<T>> logits, GateContext const& context) const = 0;

  std::int64_t num_experts_;
  bool use_softmax_;

 private:
  GateNetwork<T> network_;
};

}  // namespace moescope::gates
