#pragma once
#include "gates/affinity.hpp"
#include "gates/network_gate.hpp"
#include "gates/sigmoid.hpp"
#include "gates/weigh_by_affinity.hpp"

namespace moescope::gates {

/// A gate whose affinities, the softmax over all experts or the sigmoid of each logit, both rank and weigh. A subclass may rank
/// by something made of them.
template <class T>
class AffinityGate : public NetworkGate<T> {
 public:
  using typename Gate<T>::Parameters, typename Gate<T>::Gradients;
  using A = Accumulate<T>;
  enum class Affinity { softmax, sigmoid };

  AffinityGate(ModelConfig const& model, Affinity affinity, bool normalise)
      : NetworkGate<T>(model), is_softmax_(affinity == Affinity::softmax), normalise_(normalise) {}

  void weigh(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing) const override {
    weigh_by_affinity<T>(exec, scores.affinity, normalise_, routing);
  }

 protected:
  void rank(ExecSpace const& exec, ConstMatrix<T>, Parameters const& parameters, GateContext const&,
            Scores<T>& scores) const override {
    scores.affinity = is_softmax_ ? softmax_rows<A>(exec, scores.logits) : sigmoid<A>(exec, scores.logits);
    scores.ranking = ranking_of(exec, scores.affinity, parameters);
  }
  virtual Matrix<A> ranking_of(ExecSpace const&, Matrix<A> const& affinity, Parameters const&) const { return affinity; }

  void scores_backward(ExecSpace const& exec, ConstMatrix<T> x, Parameters const&, GateContext const&, Scores<T> const& scores,
                       Routing<T> const& routing, ScoreGradients<T>& d, Matrix<T>, Gradients const&) const override {
    auto const& d_affinity = to_add_to(exec, d.affinity, x.extent(0), this->num_experts_);
    weights_backward(exec, scores, routing, d.weight, d_affinity);
    if (is_softmax_)
      softmax_rows_backward<A>(exec, scores.affinity, d_affinity, d.logits);
    else
      sigmoid_backward<A>(exec, scores.affinity, d_affinity, d.logits);
  }
  /// The backward of `weigh`: adds to d_affinity.
  virtual void weights_backward(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing,
                                ConstVector<A> d_weight, Matrix<A> const& d_affinity) const {
    weigh_by_affinity_backward<T>(exec, scores.affinity, normalise_, routing, d_weight, d_affinity);
  }

 private:
  bool is_softmax_, normalise_;
};

}  // namespace moescope::gates
