#pragma once
#include "gates/affinity.hpp"
#include "gates/network_gate.hpp"
#include "gates/sigmoid.hpp"

namespace moescope::gates {

/// A gate that weighs each choice with the sigmoid of its logit, or with its share in the softmax over all experts.
template <class T>
class AffinityGate : public NetworkGate<T> {
 public:
  using typename Gate<T>::Parameters, typename Gate<T>::Gradients;
  using A = Accumulate<T>;
  enum class Affinity { sigmoid, softmax };

  AffinityGate(ModelConfig const& model, Affinity affinity) : NetworkGate<T>(model), affinity_(affinity) {}

  void weigh(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing) const override {
    take_weights<T>(exec, scores.affinity, routing);
  }

 protected:
  void rank(ExecSpace const& exec, ConstMatrix<T>, Parameters const&, GateContext const&, Scores<T>& scores) const override {
    scores.affinity = affinity_ == Affinity::sigmoid ? sigmoid<A>(exec, scores.logits) : softmax_rows<A>(exec, scores.logits);
    scores.ranking = scores.logits;
  }

  void scores_backward(ExecSpace const& exec, ConstMatrix<T> x, Parameters const&, GateContext const&, Scores<T> const& scores,
                       Routing<T> const& routing, ScoreGradients<T>& d, Matrix<T>, Gradients const&) const override {
    auto const& d_affinity = to_add_to(exec, d.affinity, x.extent(0), this->num_experts_);
    take_weights_backward<T>(exec, routing, d.weight, d_affinity);
    if (affinity_ == Affinity::sigmoid)
      sigmoid_backward<A>(exec, scores.affinity, d_affinity, d.logits);
    else
      softmax_rows_backward<A>(exec, scores.affinity, d_affinity, d.logits);
  }

 private:
  Affinity affinity_;
};

}  // namespace moescope::gates
