#include "base/error.hpp"
#include "gates/affinity.hpp"
#include "gates/network_gate.hpp"
#include "gates/noise.hpp"
#include "gates/weigh_by_affinity.hpp"

namespace moescope {

namespace {

/// LLaMA-MoE's SwitchBalancedGate (Fedus et al. 2021): the largest of logits + Gumbel noise, alike in training and evaluation
/// unless switch_noise_in_eval is off, weighted with this noisy logit, or with its probability.
template <class T>
class SwitchGate final : public gates::NetworkGate<T> {
 public:
  using typename Gate<T>::Parameters, typename Gate<T>::Gradients;
  using A = Accumulate<T>;

  explicit SwitchGate(ModelConfig const& model)
      : gates::NetworkGate<T>(model), config_(model.gate), score_is_probability_(config_.switch_score == "probability") {
    MOESCOPE_CHECK(score_is_probability_ || config_.switch_score == "noisy_logit");
  }

  void weigh(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing) const override {
    gates::weigh_by_affinity<T>(exec, weighed_with(scores), false, routing);
  }

 protected:
  void rank(ExecSpace const& exec, ConstMatrix<T> x, Parameters const&, GateContext const& context,
            Scores<T>& scores) const override {
    scores.affinity = config_.use_softmax ? gates::softmax_rows<A>(exec, scores.logits) : scores.logits;
    scores.ranking = scores.logits;
    if (config_.add_noise && (context.training || config_.switch_noise_in_eval))
      scores.ranking = gates::sum_of<A>(
          exec, scores.logits, gates::draw_noise<A>(exec, Purpose::switch_noise, context, x.extent(0), this->num_experts_));
  }

  void scores_backward(ExecSpace const& exec, ConstMatrix<T> x, Parameters const&, GateContext const&, Scores<T> const& scores,
                       Routing<T> const& routing, ScoreGradients<T>& d, Matrix<T>, Gradients const&) const override {
    auto const& d_affinity = to_add_to(exec, d.affinity, x.extent(0), this->num_experts_);
    gates::weigh_by_affinity_backward<T>(exec, weighed_with(scores), false, routing, d.weight,
                                         score_is_probability_ ? d_affinity : d.logits);
    if (config_.use_softmax)
      gates::softmax_rows_backward<A>(exec, scores.affinity, d_affinity, d.logits);
    else
      d.logits = gates::sum_of<A>(exec, d.logits, d_affinity);
  }

 private:
  ConstMatrix<A> weighed_with(Scores<T> const& scores) const { return score_is_probability_ ? scores.affinity : scores.ranking; }

  GateConfig config_;
  bool score_is_probability_;
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_switch_gate(ModelConfig const& model) {
  return std::make_unique<SwitchGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_switch_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
