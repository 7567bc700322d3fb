#include "gates/affinity.hpp"
#include "gates/network_gate.hpp"
#include "gates/selection.hpp"
#include "gates/weigh_by_affinity.hpp"

namespace moescope {

namespace {

/// Top-p routing (Huang et al. 2024, "Harder Tasks Need More Experts"): the fewest experts whose probabilities, the softmax over
/// all, add up to `top_p` at least; weighted by these, over their sum with `normalise`. From 1 to E choices a token.
template <class T>
class TopPGate final : public gates::NetworkGate<T> {
 public:
  using typename Gate<T>::Parameters, typename Gate<T>::Gradients;
  using A = Accumulate<T>;

  explicit TopPGate(ModelConfig const& model)
      : gates::NetworkGate<T>(model), top_p_(model.gate.top_p), normalise_(model.gate.normalise) {}

  Routing<T> choose(ExecSpace const& exec, Scores<T> const& scores, GateContext const&) const override {
    auto const tokens = std::int64_t(scores.ranking.extent(0)), experts = this->num_experts_;
    auto const order = gates::top_experts<A>(exec, scores.ranking, experts);
    auto const count = make_vector<int>("gates::count", tokens);
    auto const probability = scores.affinity;
    auto const top_p = A(top_p_);
    Kokkos::parallel_for(
        "gates::top_p", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens), KOKKOS_LAMBDA(std::int64_t t) {
          A sum = probability(t, order(t, 0));
          int chosen = 1;
          for (; chosen < experts && sum < top_p; ++chosen) sum += probability(t, order(t, chosen));
          count(t) = chosen;
        });
    return gates::route_counted<T>(exec, order, count);
  }

  void weigh(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing) const override {
    gates::weigh_by_affinity<T>(exec, scores.affinity, normalise_, routing);
  }

 protected:
  void rank(ExecSpace const& exec, ConstMatrix<T>, Parameters const&, GateContext const&, Scores<T>& scores) const override {
    scores.ranking = scores.affinity = gates::softmax_rows<A>(exec, scores.logits);
  }

  void scores_backward(ExecSpace const& exec, ConstMatrix<T> x, Parameters const&, GateContext const&, Scores<T> const& scores,
                       Routing<T> const& routing, ScoreGradients<T>& d, Matrix<T>, Gradients const&) const override {
    auto const& d_affinity = to_add_to(exec, d.affinity, x.extent(0), this->num_experts_);
    gates::weigh_by_affinity_backward<T>(exec, scores.affinity, normalise_, routing, d.weight, d_affinity);
    gates::softmax_rows_backward<A>(exec, scores.affinity, d_affinity, d.logits);
  }

 private:
  double top_p_;
  bool normalise_;
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_top_p_gate(ModelConfig const& model) {
  return std::make_unique<TopPGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_top_p_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
