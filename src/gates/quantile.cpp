#include "gates/pooled/quantile.hpp"

#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "gates/learnable.hpp"
#include "gates/pooled/choices.hpp"

namespace moescope {

namespace {

/// Quantile balancing (Su, kexue.fm/archives/11619; Megatron Core's `quantile_balancing`): the k largest of the logits less an
/// offset of each expert, weighted with the logits alone. After a step the offset becomes the mean of those that would have
/// balanced each pool.
template <class T>
class QuantileGate final : public gates::LearnableGate<T> {
 public:
  using typename Gate<T>::Parameters;
  using A = Accumulate<T>;

  explicit QuantileGate(ModelConfig const& model) : gates::LearnableGate<T>(model), config_(model.gate) {}

  Routing<T> choose(ExecSpace const& exec, Scores<T> const& scores, GateContext const& context) const override {
    auto routing = Gate<T>::choose(exec, scores, context);
    if (!context.training) return routing;
    auto const experts = this->num_experts_;
    auto const& pool = context.pool(config_.pool);
    gates::PooledTokens const tokens(pool.shape, context.tokens);
    auto const ranking = gates::gather_rows<A>(exec, scores.ranking, pool);
    gates::PoolMean change(pool.shape, experts);
    for (std::int64_t p = 0; p < tokens.count(); ++p)
      change.add(
          gates::quantile_offset(tokens.rows(ranking, experts, p), std::vector<double>(std::size_t(experts)), this->top_k_));
    routing.pool_means = change.values();
    return routing;
  }

  void update(ExecSpace const& exec, GateStep const& step, Parameters const& parameters) const override {
    if (step.pool_means.empty()) return;
    auto const stored = to_host_copy(exec, parameters.back());
    std::vector<double> const offset(stored.begin(), stored.end());
    auto found = offset;
    for (std::size_t e = 0; e < found.size(); ++e) found[e] += step.pool_means[e];
    upload(exec, gates::next_offset(offset, found, config_.average_decay), parameters.back());
  }

 protected:
  void rank(ExecSpace const& exec, ConstMatrix<T>, Parameters const& parameters, GateContext const&,
            Scores<T>& scores) const override {
    scores.ranking = gates::less_columns<T>(exec, scores.logits, parameters.back());
  }

 private:
  GateConfig config_;
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_quantile_gate(ModelConfig const& model) {
  return std::make_unique<QuantileGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_quantile_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
