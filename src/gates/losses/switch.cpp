#include <numeric>

#include "base/upload.hpp"
#include "gates/pool_statistics.hpp"

namespace moescope {
namespace {

/// [tokens,2E]: what a token adds to the sum of an expert's affinity, and to its choices.
template <class T>
Matrix<Accumulate<T>> affinity_and_choices(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing) {
  auto const experts = routing.num_experts;
  auto const terms = make_matrix<Accumulate<T>>("gates::terms", routing.num_tokens, 2 * experts);
  auto const offsets = routing.offsets, expert = routing.expert;
  auto const affinity = scores.affinity;
  Kokkos::parallel_for(
      "gates::affinity_and_choices", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        for (std::int64_t e = 0; e < experts; ++e) {
          terms(t, e) = affinity(t, e);
          terms(t, experts + e) = 0;
        }
        for (int j = offsets(t); j < offsets(t + 1); ++j) terms(t, experts + expert(j)) = 1;
      });
  return terms;
}

/// The balance loss of Switch (Fedus et al. 2021): E sum_e f_e P_e of a pool, mean over pools; P: mean affinity of the expert, f:
/// its share of the choices, which has no gradient.
template <class T>
class SwitchLoss final : public RouterLoss<T> {
 public:
  using A = Accumulate<T>;

  explicit SwitchLoss(std::string pool) : pool_(std::move(pool)) {}

  LossTerm forward(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing, GateContext const& context,
                   std::vector<Matrix<T>> const&) const override {
    auto const& pool = context.pool(pool_);
    auto const experts = routing.num_experts;
    gates::PoolStatistics statistics{
        gates::sum_over_pools<A>(exec, affinity_and_choices<T>(exec, scores, routing), context.tokens, pool), pool.shape.count(),
        experts};
    LossTerm term;
    for (std::int64_t p = 0; p < statistics.pools; ++p) {
      auto const importance = std::span(statistics.values).subspan(std::size_t(p * 2 * experts), std::size_t(experts));
      auto const load = std::span(statistics.values).subspan(std::size_t((p * 2 + 1) * experts), std::size_t(experts));
      auto const choices = std::max(1.0, std::reduce(load.begin(), load.end()));
      for (double& value : importance) value /= double(pool.shape.tokens_in_pool);
      for (double& value : load) value /= choices;
      term.value += double(experts) * std::inner_product(importance.begin(), importance.end(), load.begin(), 0.0) /
                    double(pool.shape.pools_in_step);
    }
    gates::record_statistics(statistics, pool.shape, term);
    term.saved = std::move(statistics);
    return term;
  }

  void backward(ExecSpace const& exec, LossTerm const& term, double scale, Scores<T> const&, Routing<T> const& routing,
                GateContext const& context, ScoreGradients<T>& d) const override {
    auto const& pool = context.pool(pool_);
    auto const& statistics = std::any_cast<gates::PoolStatistics const&>(term.saved);
    auto const experts = routing.num_experts;
    std::vector<double> gradient;
    for (std::int64_t p = 0; p < statistics.pools; ++p)
      for (auto const share : statistics.load(p))
        gradient.push_back(scale * double(experts) * share / double(pool.shape.pools_in_step * pool.shape.tokens_in_pool));
    auto const d_mean = make_matrix<A>("gates::d_statistics", statistics.pools, experts);
    upload(exec, gradient, d_mean);
    auto const d_affinity = to_add_to(exec, d.affinity, routing.num_tokens, experts);
    gates::PoolOfRow const pool_of(context.tokens, pool);
    Kokkos::parallel_for(
        "gates::switch_loss_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, d_affinity.size()), KOKKOS_LAMBDA(std::int64_t i) {
          auto const t = i / experts, e = i % experts;
          d_affinity(t, e) += d_mean(pool_of(t), e);
        });
  }

 private:
  std::string pool_;
};

}  // namespace

template <class T>
std::unique_ptr<RouterLoss<T>> make_switch_loss(LossConfig const& loss, ModelConfig const&) {
  return std::make_unique<SwitchLoss<T>>(loss.pool);
}
#define MOESCOPE_INSTANTIATE(T) \
  template std::unique_ptr<RouterLoss<T>> make_switch_loss<T>(LossConfig const&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
