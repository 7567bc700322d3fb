#include "base/upload.hpp"
#include "gates/pool_statistics.hpp"

namespace moescope {
namespace {

/// [tokens,2E]: what each token adds to the importance and to the load of each expert: its weights, and the gate's smooth load
/// or, where it has none, the choices with a positive weight.
template <class T>
Matrix<Accumulate<T>> importance_and_load(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing) {
  auto const experts = routing.num_experts;
  auto const terms = make_matrix<Accumulate<T>>("gates::terms", routing.num_tokens, 2 * experts);
  auto const offsets = routing.offsets, expert = routing.expert;
  auto const weight = routing.weight;
  auto const load = scores.load;
  bool const is_smooth = load.extent(1) > 0;
  Kokkos::parallel_for(
      "gates::importance_and_load", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        for (std::int64_t e = 0; e < experts; ++e) {
          terms(t, e) = 0;
          terms(t, experts + e) = is_smooth ? load(t, e) : 0;
        }
        for (int j = offsets(t); j < offsets(t + 1); ++j) {
          terms(t, expert(j)) = weight(j);
          if (!is_smooth) terms(t, experts + expert(j)) = weight(j) > 0;
        }
      });
  return terms;
}

/// Adds what the sums of pools [pools,2E] give to the weights and to the load.
template <class T>
void add_to_weights_and_load(ExecSpace const& exec, Matrix<Accumulate<T>> const& d_statistics, gates::PoolOfRow const& pool_of,
                             Scores<T> const& scores, Routing<T> const& routing, ScoreGradients<T>& d) {
  using A = Accumulate<T>;
  auto const experts = routing.num_experts;
  auto const offsets = routing.offsets, expert = routing.expert;
  bool const is_smooth = scores.load.extent(1) > 0;
  auto const d_weight = d.weight;
  auto const d_load = is_smooth ? to_add_to(exec, d.load, routing.num_tokens, experts) : Matrix<A>();
  Kokkos::parallel_for(
      "gates::cv_squared_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        auto const p = pool_of(t);
        for (int j = offsets(t); j < offsets(t + 1); ++j) d_weight(j) += d_statistics(p, expert(j));
        for (std::int64_t e = 0; is_smooth && e < experts; ++e) d_load(t, e) += d_statistics(p, experts + e);
      });
}

/// LLaMA-MoE's balance loss (Shazeer et al. 2017): cv^2(importance) + cv^2(load) of a pool, mean over pools.
template <class T>
class CvSquaredLoss final : public RouterLoss<T> {
 public:
  using A = Accumulate<T>;

  explicit CvSquaredLoss(std::string pool) : pool_(std::move(pool)) {}

  LossTerm forward(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing, GateContext const& context,
                   std::vector<Matrix<T>> const&) const override {
    auto const& pool = context.pool(pool_);
    auto const terms = importance_and_load<T>(exec, scores, routing);
    gates::PoolStatistics const statistics{gates::sum_over_pools<A>(exec, terms, context.tokens, pool), pool.shape.count(),
                                           routing.num_experts};
    LossTerm term;
    gates::record_statistics(statistics, pool.shape, term);
    term.value = term.cv2;
    term.saved = statistics;
    return term;
  }

  void backward(ExecSpace const& exec, LossTerm const& term, double scale, Scores<T> const& scores, Routing<T> const& routing,
                GateContext const& context, ScoreGradients<T>& d) const override {
    auto const& pool = context.pool(pool_);
    auto const& statistics = std::any_cast<gates::PoolStatistics const&>(term.saved);
    auto const experts = routing.num_experts;
    std::vector<double> gradient(std::size_t(statistics.pools * 2 * experts));
    for (std::int64_t p = 0; p < statistics.pools; ++p) {
      auto const row = std::span(gradient).subspan(std::size_t(p * 2 * experts), std::size_t(2 * experts));
      gates::add_cv_squared_gradient(statistics.importance(p), scale / double(pool.shape.pools_in_step), row.first(experts));
      gates::add_cv_squared_gradient(statistics.load(p), scale / double(pool.shape.pools_in_step), row.last(experts));
    }
    auto const d_statistics = make_matrix<A>("gates::d_statistics", statistics.pools, 2 * experts);
    upload(exec, gradient, d_statistics);
    add_to_weights_and_load<T>(exec, d_statistics, gates::PoolOfRow(context.tokens, pool), scores, routing, d);
  }

 private:
  std::string pool_;
};

}  // namespace

template <class T>
std::unique_ptr<RouterLoss<T>> make_cv_squared_loss(LossConfig const& loss, ModelConfig const&) {
  return std::make_unique<CvSquaredLoss<T>>(loss.pool);
}
#define MOESCOPE_INSTANTIATE(T) \
  template std::unique_ptr<RouterLoss<T>> make_cv_squared_loss<T>(LossConfig const&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
