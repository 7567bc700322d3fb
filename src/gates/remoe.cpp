#include <numeric>

#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "gates/affinity.hpp"
#include "gates/network_gate.hpp"
#include "gates/selection.hpp"

namespace moescope {

namespace {

/// ReMoE (Wang et al. 2025): each expert whose logit is positive, weighted by it; from 0 to E choices a token. Its last tensor is
/// lambda, the weight that the loss `relu_l1` has within itself: a step in which tokens took more than top_k experts on average
/// multiplies it by 1.2, one in which they took fewer divides it.
template <class T>
class ReMoEGate final : public gates::NetworkGate<T> {
 public:
  using typename Gate<T>::Parameters, typename Gate<T>::Gradients;
  using A = Accumulate<T>;
  using gates::NetworkGate<T>::NetworkGate;

  Routing<T> choose(ExecSpace const& exec, Scores<T> const& scores, GateContext const&) const override {
    auto const tokens = std::int64_t(scores.ranking.extent(0)), experts = this->num_experts_;
    auto const order = gates::top_experts<A>(exec, scores.ranking, experts);
    auto const count = make_vector<int>("gates::count", tokens);
    auto const affinity = scores.affinity;
    Kokkos::parallel_for(
        "gates::positive", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens), KOKKOS_LAMBDA(std::int64_t t) {
          int chosen = 0;
          for (std::int64_t e = 0; e < experts; ++e) chosen += affinity(t, e) > 0;
          count(t) = chosen;
        });
    return gates::route_counted<T>(exec, order, count);
  }

  void weigh(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing) const override {
    gates::take_weights<T>(exec, scores.affinity, routing);
  }

  void update(ExecSpace const& exec, GateStep const& step, Parameters const& parameters) const override {
    constexpr double factor = 1.2;
    auto const taken = std::reduce(step.choices.begin(), step.choices.end()), wanted = double(this->top_k_) * step.tokens;
    auto const lambda = parameters.back();
    double const before = double(to_host(exec, lambda)(0, 0));
    upload(exec, std::vector<double>{taken > wanted ? before * factor : taken < wanted ? before / factor : before}, lambda);
  }

 protected:
  void rank(ExecSpace const& exec, ConstMatrix<T>, Parameters const&, GateContext const&, Scores<T>& scores) const override {
    auto const experts = this->num_experts_;
    auto const affinity = make_matrix<A>("gates::affinity", scores.logits.extent(0), experts);
    auto const logits = scores.logits;
    Kokkos::parallel_for(
        "gates::relu", Kokkos::RangePolicy<ExecSpace>(exec, 0, affinity.size()), KOKKOS_LAMBDA(std::int64_t i) {
          affinity(i / experts, i % experts) = Kokkos::max(logits(i / experts, i % experts), A(0));
        });
    scores.affinity = affinity;
    scores.ranking = scores.logits;
  }

  void scores_backward(ExecSpace const& exec, ConstMatrix<T> x, Parameters const&, GateContext const&, Scores<T> const& scores,
                       Routing<T> const& routing, ScoreGradients<T>& d, Matrix<T>, Gradients const&) const override {
    auto const& d_affinity = to_add_to(exec, d.affinity, x.extent(0), this->num_experts_);
    gates::take_weights_backward<T>(exec, routing, d.weight, d_affinity);
    auto const experts = this->num_experts_;
    auto const affinity = scores.affinity, d_logits = d.logits, d_relu = d_affinity;
    Kokkos::parallel_for(
        "gates::relu_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, affinity.size()), KOKKOS_LAMBDA(std::int64_t i) {
          auto const t = i / experts, e = i % experts;
          if (affinity(t, e) > 0) d_logits(t, e) += d_relu(t, e);
        });
  }
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_remoe_gate(ModelConfig const& model) {
  return std::make_unique<ReMoEGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_remoe_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
