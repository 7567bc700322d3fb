#include "gates/learnable.hpp"

namespace moescope {

namespace {

/// Hash routing (Roller et al. 2021): each word of the vocabulary has k experts of its own in every layer, drawn once from the
/// run's seed; the network only weighs them. No choice is learned, none depends on the context.
template <class T>
class HashGate final : public gates::LearnableGate<T> {
 public:
  using gates::LearnableGate<T>::LearnableGate;

  Routing<T> choose(ExecSpace const& exec, Scores<T> const&, GateContext const& context) const override {
    auto const experts = this->num_experts_, tokens = context.tokens.size();
    auto const draws = make_matrix<double>("gates::draws", tokens, experts);
    RandomStream const stream(context.seed, Purpose::hash_routing, 0, context.layer);
    auto const words = context.words;
    Kokkos::parallel_for(
        "gates::hash", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens * experts),
        KOKKOS_LAMBDA(std::int64_t i) { draws(i / experts, i % experts) = stream.uniform(words(i / experts), i % experts); });
    return gates::route<T>(exec, gates::top_experts<double>(exec, draws, this->top_k_), this->top_k_, experts);
  }
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_hash_gate(ModelConfig const& model) {
  return std::make_unique<HashGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_hash_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
