#include "gates/losses/token_mean.hpp"

namespace moescope {
namespace {

template <class A>
KOKKOS_INLINE_FUNCTION A log_sum_exp(ConstMatrix<A> const& logits, std::int64_t t) {
  auto const experts = std::int64_t(logits.extent(1));
  A largest = logits(t, 0), sum = 0;
  for (std::int64_t e = 1; e < experts; ++e) largest = Kokkos::max(largest, logits(t, e));
  for (std::int64_t e = 0; e < experts; ++e) sum += Kokkos::exp(logits(t, e) - largest);
  return largest + Kokkos::log(sum);
}

template <class A>
Matrix<A> squares(ExecSpace const& exec, ConstMatrix<A> logits) {
  auto const terms = make_matrix<A>("gates::terms", logits.extent(0), 1);
  Kokkos::parallel_for(
      "gates::z_loss", Kokkos::RangePolicy<ExecSpace>(exec, 0, logits.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        auto const z = log_sum_exp<A>(logits, t);
        terms(t, 0) = z * z;
      });
  return terms;
}

template <class A>
void add_gradient(ExecSpace const& exec, ConstMatrix<A> logits, A scale, Matrix<A> d_logits) {
  auto const experts = std::int64_t(logits.extent(1));
  Kokkos::parallel_for(
      "gates::z_loss_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, logits.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        auto const z = log_sum_exp<A>(logits, t);
        for (std::int64_t e = 0; e < experts; ++e) d_logits(t, e) += 2 * scale * z * Kokkos::exp(logits(t, e) - z);
      });
}

/// The z-loss of ST-MoE (Zoph et al. 2022, equation 5): mean over tokens of (log sum_e exp(logit_e))^2.
template <class T>
class ZLoss final : public RouterLoss<T> {
 public:
  using A = Accumulate<T>;

  explicit ZLoss(std::string pool) : pool_(std::move(pool)) {}

  LossTerm forward(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const&, GateContext const& context,
                   std::vector<Matrix<T>> const&) const override {
    return gates::token_mean<A>(exec, squares<A>(exec, scores.logits), context, context.pool(pool_));
  }

  void backward(ExecSpace const& exec, LossTerm const&, double scale, Scores<T> const& scores, Routing<T> const& routing,
                GateContext const& context, ScoreGradients<T>& d) const override {
    auto const& d_logits = to_add_to(exec, d.logits, routing.num_tokens, routing.num_experts);
    add_gradient<A>(exec, scores.logits, A(scale * gates::token_share(context.pool(pool_))), d_logits);
  }

 private:
  std::string pool_;
};

}  // namespace

template <class T>
std::unique_ptr<RouterLoss<T>> make_z_loss(LossConfig const& loss, ModelConfig const&) {
  return std::make_unique<ZLoss<T>>(loss.pool);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<RouterLoss<T>> make_z_loss<T>(LossConfig const&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
