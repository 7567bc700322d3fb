#include "gates/learnable.hpp"
#include "gates/noise.hpp"

namespace moescope {

namespace {

/// LLaMA-MoE's RandomLearnableGate: k distinct experts drawn uniformly for each token, weighted by the network. (The
/// released class also draws Gumbel noise and discards it.)
template <class T>
class RandomLearnableGate final : public gates::LearnableGate<T> {
 public:
  using gates::LearnableGate<T>::LearnableGate;

  Routing<T> choose(ExecSpace const& exec, Scores<T> const&, GateContext const& context) const override {
    auto const draws =
        gates::draw_noise<double>(exec, Purpose::random_routing, context, context.tokens.size(), this->num_experts_);
    return gates::route<T>(exec, gates::top_experts<double>(exec, draws, this->top_k_), this->top_k_, this->num_experts_);
  }
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_random_learnable_gate(ModelConfig const& model) {
  return std::make_unique<RandomLearnableGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_random_learnable_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
