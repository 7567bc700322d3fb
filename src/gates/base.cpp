#include "gates/affinity_gate.hpp"
#include "gates/pooled/choices.hpp"
#include "gates/pooled/optimal_assignment.hpp"

namespace moescope {

namespace {

/// BASE layers (Lewis et al. 2021): in training the balanced assignment of a pool with the largest sum of logits, in evaluation
/// the largest logits; weighted with their sigmoid. The paper has one expert a token.
template <class T>
class BaseGate final : public gates::AffinityGate<T> {
 public:
  using typename Gate<T>::Parameters;

  explicit BaseGate(ModelConfig const& model)
      : gates::AffinityGate<T>(model, gates::AffinityGate<T>::Affinity::sigmoid, false), pool_(model.gate.pool) {}

  Routing<T> choose(ExecSpace const& exec, Scores<T> const& scores, GateContext const& context) const override {
    if (!context.training) return Gate<T>::choose(exec, scores, context);
    auto const experts = this->num_experts_, per_token = this->top_k_;
    auto const& pool = context.pool(pool_);
    gates::PooledTokens const tokens(pool.shape, context.tokens);
    auto const logits = gates::gather_rows<Accumulate<T>>(exec, scores.logits, pool);
    std::vector<gates::Choices> of_pools(std::size_t(tokens.count()));
    for (std::int64_t p = 0; p < tokens.count(); ++p) {
      if (!tokens.has_owned(p)) continue;
      auto const rows = tokens.rows(logits, experts, p);
      of_pools[std::size_t(p)] =
          gates::best_first(gates::choices_of(gates::optimal_assignment(rows, experts, per_token), per_token), rows, experts);
    }
    return gates::to_routing<T>(exec, tokens.owned(of_pools), experts);
  }

 protected:
  void rank(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters, GateContext const& context,
            Scores<T>& scores) const override {
    gates::AffinityGate<T>::rank(exec, x, parameters, context, scores);
    scores.ranking = scores.logits;
  }

 private:
  std::string pool_;
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_base_gate(ModelConfig const& model) {
  return std::make_unique<BaseGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_base_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
