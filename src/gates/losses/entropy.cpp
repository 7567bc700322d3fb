#include "gates/losses/normalised.hpp"
#include "gates/losses/token_mean.hpp"

namespace moescope {
namespace {

template <class A>
KOKKOS_INLINE_FUNCTION A entropy_of(gates::NormalisedRow<A> const& row, std::int64_t t, A sum) {
  A entropy = 0;
  for (std::int64_t e = 0; e < std::int64_t(row.affinity.extent(1)); ++e) {
    auto const p = row(t, e, sum);
    if (p > 0) entropy -= p * Kokkos::log(p);
  }
  return entropy;
}

template <class A>
Matrix<A> entropies(ExecSpace const& exec, gates::NormalisedRow<A> const& row) {
  auto const terms = make_matrix<A>("gates::terms", row.affinity.extent(0), 1);
  Kokkos::parallel_for(
      "gates::entropy_loss", Kokkos::RangePolicy<ExecSpace>(exec, 0, row.affinity.extent(0)),
      KOKKOS_LAMBDA(std::int64_t t) { terms(t, 0) = entropy_of(row, t, row.sum(t)); });
  return terms;
}

template <class A>
void add_gradient(ExecSpace const& exec, gates::NormalisedRow<A> const& row, A scale, Matrix<A> d_affinity) {
  auto const experts = std::int64_t(row.affinity.extent(1));
  Kokkos::parallel_for(
      "gates::entropy_loss_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, row.affinity.extent(0)),
      KOKKOS_LAMBDA(std::int64_t t) {
        auto const sum = row.sum(t);
        auto const entropy = entropy_of(row, t, sum);
        for (std::int64_t e = 0; e < experts; ++e) {
          auto const p = row(t, e, sum);
          if (p > 0) d_affinity(t, e) += scale * row.derivative(t, e, sum, -Kokkos::log(p), entropy);
        }
      });
}

/// Mean over tokens of the entropy of a token's normalised affinities, in nat: what lowers it makes routing more certain.
template <class T>
class EntropyLoss final : public RouterLoss<T> {
 public:
  using A = Accumulate<T>;

  explicit EntropyLoss(std::string pool) : pool_(std::move(pool)) {}

  LossTerm forward(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const&, GateContext const& context,
                   std::vector<Matrix<T>> const&) const override {
    return gates::token_mean<A>(exec, entropies<A>(exec, {scores.affinity}), context, context.pool(pool_));
  }

  void backward(ExecSpace const& exec, LossTerm const&, double scale, Scores<T> const& scores, Routing<T> const& routing,
                GateContext const& context, ScoreGradients<T>& d) const override {
    auto const& d_affinity = to_add_to(exec, d.affinity, routing.num_tokens, routing.num_experts);
    add_gradient<A>(exec, {scores.affinity}, A(scale * gates::token_share(context.pool(pool_))), d_affinity);
  }

 private:
  std::string pool_;
};

}  // namespace

template <class T>
std::unique_ptr<RouterLoss<T>> make_entropy_loss(LossConfig const& loss, ModelConfig const&) {
  return std::make_unique<EntropyLoss<T>>(loss.pool);
}
#define MOESCOPE_INSTANTIATE(T) \
  template std::unique_ptr<RouterLoss<T>> make_entropy_loss<T>(LossConfig const&, ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
