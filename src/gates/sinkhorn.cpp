#include "gates/pooled/sinkhorn.hpp"

#include "base/upload.hpp"
#include "gates/affinity_gate.hpp"
#include "gates/pooled/choices.hpp"
#include "gates/selection.hpp"

namespace moescope {

namespace {

/// Megatron Core's `sinkhorn` load balancing (`TopKRouter.sinkhorn_load_balancing`): in training the k largest of the balanced
/// scores of a pool, in evaluation of the logits; weighted with the sigmoid of the logit (k = 1) or the softmax over all experts.
template <class T>
class SinkhornGate final : public gates::AffinityGate<T> {
  using Affinity = typename gates::AffinityGate<T>::Affinity;

 public:
  using typename Gate<T>::Parameters;

  explicit SinkhornGate(ModelConfig const& model)
      : gates::AffinityGate<T>(model, model.top_k == 1 ? Affinity::sigmoid : Affinity::softmax, false), config_(model.gate) {}

  Routing<T> choose(ExecSpace const& exec, Scores<T> const& scores, GateContext const& context) const override {
    if (!context.training) return Gate<T>::choose(exec, scores, context);
    auto const experts = this->num_experts_;
    auto const& pool = context.pool(config_.pool);
    gates::PooledTokens const tokens(pool.shape, context.tokens);
    auto const logits = gates::gather_rows<Accumulate<T>>(exec, scores.logits, pool);
    std::vector<std::vector<double>> of_pools(std::size_t(tokens.count()));
    for (std::int64_t p = 0; p < tokens.count(); ++p)
      if (tokens.has_owned(p))
        of_pools[std::size_t(p)] =
            gates::sinkhorn(tokens.rows(logits, experts, p), experts, config_.tolerance, config_.iterations).scores;
    auto const balanced = make_matrix<double>("gates::balanced", context.tokens.size(), experts);
    upload(exec, tokens.owned(of_pools, experts), balanced);
    return gates::route<T>(exec, gates::top_experts<double>(exec, balanced, this->top_k_), this->top_k_, experts);
  }

 protected:
  void rank(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters, GateContext const& context,
            Scores<T>& scores) const override {
    gates::AffinityGate<T>::rank(exec, x, parameters, context, scores);
    scores.ranking = scores.logits;
  }

 private:
  GateConfig config_;
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_sinkhorn_gate(ModelConfig const& model) {
  return std::make_unique<SinkhornGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_sinkhorn_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
