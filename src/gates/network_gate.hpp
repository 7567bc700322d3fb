#pragma once
#include "gates/gate.hpp"
#include "gates/gate_network.hpp"

namespace moescope::gates {

/// A gate whose scores begin as the logits of a network. A subclass ranks, weighs, and brings gradients back to the logits.
template <class T>
class NetworkGate : public Gate<T> {
 public:
  using typename Gate<T>::Parameters, typename Gate<T>::Gradients;
  using A = Accumulate<T>;

  explicit NetworkGate(ModelConfig const& model) : Gate<T>(model), network_(model) {}

  Scores<T> score(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters,
                  GateContext const& context) const override {
    Scores<T> scores;
    auto const activations = network_.forward(exec, x, parameters);
    scores.logits = activations.logits;
    scores.network = activations;
    rank(exec, x, parameters, context, scores);
    return scores;
  }

  void backward(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters, GateContext const& context,
                Scores<T> const& scores, Routing<T> const& routing, ScoreGradients<T>& d, Matrix<T> d_x,
                Gradients const& gradients) const override {
    to_add_to(exec, d.logits, x.extent(0), this->num_experts_);
    scores_backward(exec, x, parameters, context, scores, routing, d, d_x, gradients);
    auto const& activations = std::any_cast<typename GateNetwork<T>::Activations const&>(scores.network);
    network_.backward(exec, x, parameters, activations, d.logits, d_x, gradients);
  }

 protected:
  /// Sets what the gate has of `ranking`, `affinity`, `load` and `saved`, from `logits`.
  virtual void rank(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters, GateContext const& context,
                    Scores<T>& scores) const = 0;
  /// Adds what the other parts of `d` give to d.logits [tokens,E]; what goes past the network to d_x and `gradients`.
  virtual void scores_backward(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters, GateContext const& context,
                               Scores<T> const& scores, Routing<T> const& routing, ScoreGradients<T>& d, Matrix<T> d_x,
                               Gradients const& gradients) const = 0;

 private:
  GateNetwork<T> network_;
};

}  // namespace moescope::gates
