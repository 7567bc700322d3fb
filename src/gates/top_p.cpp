#include "gates/affinity_gate.hpp"
#include "gates/selection.hpp"

namespace moescope {

namespace {

/// Top-p routing (Huang et al. 2024, "Harder Tasks Need More Experts"): the fewest experts whose probabilities, the softmax over
/// all, add up to `top_p` at least; weighted by these, over their sum with `normalise`. From 1 to E choices a token.
template <class T>
class TopPGate final : public gates::AffinityGate<T> {
 public:
  using A = Accumulate<T>;

  explicit TopPGate(ModelConfig const& model)
      : gates::AffinityGate<T>(model, gates::AffinityGate<T>::Affinity::softmax, model.gate.normalise),
        top_p_(model.gate.top_p) {}

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

 private:
  double top_p_;
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
