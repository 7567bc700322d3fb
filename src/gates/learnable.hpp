#pragma once
#include "gates/network_gate.hpp"
#include "gates/selection.hpp"

namespace moescope::gates {

/// A gate whose weights are the network's scores over the chosen experts: their softmax (use_softmax) or the logits themselves.
/// A subclass may choose by something else than the largest logits.
template <class T>
class LearnableGate : public NetworkGate<T> {
 public:
  using typename Gate<T>::Parameters, typename Gate<T>::Gradients;

  explicit LearnableGate(ModelConfig const& model) : LearnableGate(model, model.gate.use_softmax) {}
  LearnableGate(ModelConfig const& model, bool use_softmax) : NetworkGate<T>(model), use_softmax_(use_softmax) {}

  void weigh(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing) const override {
    score_choices<T>(exec, scores.logits, use_softmax_, routing);
  }

 protected:
  void rank(ExecSpace const&, ConstMatrix<T>, Parameters const&, GateContext const&, Scores<T>& scores) const override {
    scores.ranking = scores.logits;
  }

  void scores_backward(ExecSpace const& exec, ConstMatrix<T>, Parameters const&, GateContext const&, Scores<T> const&,
                       Routing<T> const& routing, ScoreGradients<T>& d, Matrix<T>, Gradients const&) const override {
    score_choices_backward<T>(exec, routing, use_softmax_, d.weight, d.logits);
  }

 private:
  bool use_softmax_;
};

}  // namespace moescope::gates
