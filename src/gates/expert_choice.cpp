#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "gates/affinity_gate.hpp"
#include "gates/pooled/choices.hpp"
#include "gates/pooled/expert_choice_selection.hpp"
#include "gates/selection.hpp"

namespace moescope {

namespace {

/// Expert choice (Zhou et al. 2022): in training each expert takes the tokens of a pool with the largest affinity to it. In
/// evaluation, which knows no later token, it takes those whose affinity is at least its threshold: the running mean of the
/// lowest affinity that it took in training, and 1/E before it took any. Weighted with the affinity, the softmax over all
/// experts.
template <class T>
class ExpertChoiceGate final : public gates::AffinityGate<T> {
 public:
  using typename Gate<T>::Parameters;
  using A = Accumulate<T>;

  explicit ExpertChoiceGate(ModelConfig const& model)
      : gates::AffinityGate<T>(model, gates::AffinityGate<T>::Affinity::softmax, false), config_(model.gate) {}

  Routing<T> choose(ExecSpace const& exec, Scores<T> const& scores, GateContext const& context) const override {
    auto const experts = this->num_experts_;
    if (!context.training) return above_threshold(exec, scores);
    auto const& pool = context.pool(config_.pool);
    gates::PooledTokens const tokens(pool.shape, context.tokens);
    auto const affinity = gates::gather_rows<A>(exec, scores.affinity, pool);
    std::vector<gates::Choices> of_pools;
    gates::PoolMean lowest(pool.shape, experts);
    for (std::int64_t p = 0; p < tokens.count(); ++p) {
      auto taken = gates::choose_tokens(tokens.rows(affinity, experts, p), experts, this->top_k_);
      of_pools.push_back(std::move(taken.choices));
      lowest.add(taken.lowest);
    }
    auto routing = gates::to_routing<T>(exec, tokens.owned(of_pools), experts);
    routing.pool_means = lowest.values();
    return routing;
  }

  void update(ExecSpace const& exec, GateStep const& step, Parameters const& parameters) const override {
    if (step.pool_means.empty()) return;
    auto threshold = to_host_copy(exec, parameters.back());
    for (std::size_t e = 0; e < threshold.size(); ++e) {
      bool const took_none = threshold[e] == T(1.0 / double(this->num_experts_));
      double const decay = took_none ? 0 : config_.average_decay;
      threshold[e] = T(decay * double(threshold[e]) + (1 - decay) * step.pool_means[e]);
    }
    upload(exec, threshold, parameters.back());
  }

 protected:
  void rank(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters, GateContext const& context,
            Scores<T>& scores) const override {
    gates::AffinityGate<T>::rank(exec, x, parameters, context, scores);
    scores.ranking = context.training ? scores.affinity : gates::less_columns<T>(exec, scores.affinity, parameters.back());
  }

 private:
  /// Those with a ranking of at least 0.
  Routing<T> above_threshold(ExecSpace const& exec, Scores<T> const& scores) const {
    auto const order = gates::top_experts<A>(exec, scores.ranking, this->num_experts_);
    return gates::route_counted<T>(exec, order, gates::count_not_below<A>(exec, scores.ranking, 0));
  }

  GateConfig config_;
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_expert_choice_gate(ModelConfig const& model) {
  return std::make_unique<ExpertChoiceGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_expert_choice_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
