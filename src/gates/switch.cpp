#include "base/error.hpp"
#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "gates/capacity.hpp"
#include "gates/gate_network.hpp"
#include "gates/noise.hpp"
#include "gates/pool_statistics.hpp"
#include "gates/selection.hpp"

namespace moescope {

namespace {

template <class T>
struct SwitchActivations {
  typename gates::GateNetwork<T>::Activations network;
  Matrix<Accumulate<T>> probabilities;    ///< [tokens,E] softmax of the logits, or the logits themselves
  Matrix<Accumulate<T>> d_probabilities;  ///< [pools,E] dL/dP of every token of a pool, from the balance loss
};

/// [tokens,E] softmax over all experts.
template <class A>
Matrix<A> softmax_rows(ExecSpace const& exec, ConstMatrix<A> logits) {
  auto const experts = std::int64_t(logits.extent(1));
  auto const probabilities = make_matrix<A>("gates::probabilities", logits.extent(0), experts);
  Kokkos::parallel_for(
      "gates::softmax_rows", Kokkos::RangePolicy<ExecSpace>(exec, 0, logits.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        A largest = logits(t, 0), sum = 0;
        for (std::int64_t e = 1; e < experts; ++e) largest = Kokkos::max(largest, logits(t, e));
        for (std::int64_t e = 0; e < experts; ++e) sum += Kokkos::exp(logits(t, e) - largest);
        for (std::int64_t e = 0; e < experts; ++e) probabilities(t, e) = Kokkos::exp(logits(t, e) - largest) / sum;
      });
  return probabilities;
}

template <class A>
Matrix<A> sum_of(ExecSpace const& exec, ConstMatrix<A> a, ConstMatrix<A> b) {
  auto const columns = std::int64_t(a.extent(1));
  auto const sum = make_matrix<A>("gates::noisy", a.extent(0), columns);
  Kokkos::parallel_for(
      "gates::sum_of", Kokkos::RangePolicy<ExecSpace>(exec, 0, a.size()), KOKKOS_LAMBDA(std::int64_t i) {
        std::int64_t const t = i / columns, e = i % columns;
        sum(t, e) = a(t, e) + b(t, e);
      });
  return sum;
}

/// Weight of the one choice of each token: scores[token, its expert].
template <class T>
void take_scores(ExecSpace const& exec, ConstMatrix<Accumulate<T>> scores, Routing<T> const& routing) {
  auto const expert = routing.expert;
  auto const weight = routing.weight;
  Kokkos::parallel_for(
      "gates::take_scores", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens),
      KOKKOS_LAMBDA(std::int64_t t) { weight(t) = scores(t, expert(t)); });
}

/// [tokens,2E]: what a token adds to a pool's mean of P and to its shares of choices.
template <class T>
Matrix<Accumulate<T>> importance_and_share(ExecSpace const& exec, Routing<T> const& routing,
                                           ConstMatrix<Accumulate<T>> probabilities) {
  auto const experts = routing.num_experts;
  auto const terms = make_matrix<Accumulate<T>>("gates::terms", routing.num_tokens, 2 * experts);
  auto const expert = routing.expert;
  Kokkos::parallel_for(
      "gates::importance_and_share", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        for (std::int64_t e = 0; e < experts; ++e) {
          terms(t, e) = probabilities(t, e);
          terms(t, experts + e) = expert(t) == e;
        }
      });
  return terms;
}

/// dL/d(logits) from the balance loss, through the softmax, and from the scores: `d_weight` goes to P of the chosen expert
/// (score_is_probability) or to its logit.
template <class T>
Matrix<Accumulate<T>> switch_backward(ExecSpace const& exec, SwitchActivations<T> const& saved, Routing<T> const& routing,
                                      gates::PoolOfRow const& pool_of, ConstVector<Accumulate<T>> d_weight, bool use_softmax,
                                      bool score_is_probability) {
  using A = Accumulate<T>;
  auto const experts = routing.num_experts;
  auto const d_logits = make_matrix<A>("gates::d_logits", routing.num_tokens, experts);
  auto const probabilities = saved.probabilities;
  auto const d_balance = saved.d_probabilities;
  auto const expert = routing.expert;
  Kokkos::parallel_for(
      "gates::switch_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        auto const pool = pool_of(t);
        A const d_chosen_probability = score_is_probability ? d_weight(t) : A(0);
        A mean = 0;
        for (std::int64_t e = 0; e < experts; ++e)
          mean += probabilities(t, e) * (d_balance(pool, e) + (e == expert(t) ? d_chosen_probability : 0));
        for (std::int64_t e = 0; e < experts; ++e) {
          A const d_probability = d_balance(pool, e) + (e == expert(t) ? d_chosen_probability : 0);
          d_logits(t, e) = use_softmax ? probabilities(t, e) * (d_probability - mean) : d_probability;
        }
        if (!score_is_probability) d_logits(t, expert(t)) += d_weight(t);
      });
  return d_logits;
}

/// LLaMA-MoE's SwitchBalancedGate with SwitchDropTokenCalculator's capacity (Fedus et al. 2021): the largest of logits +
/// Gumbel noise, alike in training and evaluation unless switch_noise_in_eval is off. Balance loss of a pool:
/// w E sum_e mean(P_e) share_e, also with use_balance = false, as released.
template <class T>
class SwitchGate final : public Gate<T> {
 public:
  explicit SwitchGate(ModelConfig const& model)
      : config_(model.gate),
        num_experts_(model.num_experts),
        drop_tokens_(model.drop_tokens),
        capacity_factor_(model.capacity_factor),
        score_is_probability_(config_.switch_score == "probability"),
        network_(model) {
    MOESCOPE_CHECK(score_is_probability_ || config_.switch_score == "noisy_logit");
  }

  GateResult<T> forward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters,
                        GateContext const& context) const override {
    SwitchActivations<T> saved;
    saved.network = network_.forward(exec, x, parameters);
    saved.probabilities = config_.use_softmax ? softmax_rows<Accumulate<T>>(exec, saved.network.logits) : saved.network.logits;
    auto noisy = saved.network.logits;
    if (config_.add_noise && (context.training || config_.switch_noise_in_eval))
      noisy = sum_of<Accumulate<T>>(
          exec, noisy, gates::draw_noise<Accumulate<T>>(exec, Purpose::switch_noise, context, x.extent(0), num_experts_));

    GateResult<T> result;
    result.routing = gates::route<T>(exec, gates::top_experts<Accumulate<T>>(exec, noisy, 1), 1, num_experts_);
    take_scores<T>(exec, score_is_probability_ ? saved.probabilities : noisy, result.routing);
    add_balance_loss(exec, context, saved, result);
    if (drop_tokens_) drop_over_capacity(exec, context, result.routing);
    result.saved = saved;
    return result;
  }

  void backward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters, GateContext const& context,
                GateResult<T> const& result, ConstVector<Accumulate<T>> d_weight, Matrix<T> d_x,
                std::vector<Matrix<Accumulate<T>>> const& gradients) const override {
    auto const& saved = std::any_cast<SwitchActivations<T> const&>(result.saved);
    auto const d_logits = switch_backward<T>(exec, saved, result.routing, gates::PoolOfRow(context), d_weight,
                                             config_.use_softmax, score_is_probability_);
    network_.backward(exec, x, parameters, saved.network, d_logits, d_x, gradients);
  }

 private:
  void add_balance_loss(ExecSpace const& exec, GateContext const& context, SwitchActivations<T>& saved,
                        GateResult<T>& result) const {
    auto const& shape = context.pool_shape;
    auto const terms = importance_and_share<T>(exec, result.routing, saved.probabilities);
    gates::PoolStatistics statistics{gates::sum_over_pools<Accumulate<T>>(exec, terms, context), shape.count(), num_experts_};
    for (double& value : statistics.values) value /= double(shape.tokens_in_pool);
    gates::record_statistics<T>(statistics, context, result);

    double const scale = config_.balance_loss_weight * double(num_experts_) / double(shape.pools_in_step);
    std::vector<double> d_probabilities;
    for (std::int64_t p = 0; p < statistics.pools; ++p)
      for (std::int64_t e = 0; e < num_experts_; ++e) {
        result.balance_loss += scale * statistics.importance(p)[e] * statistics.load(p)[e];
        d_probabilities.push_back(scale * statistics.load(p)[e] / double(shape.tokens_in_pool));
      }
    saved.d_probabilities = make_matrix<Accumulate<T>>("gates::d_probabilities", statistics.pools, num_experts_);
    upload(exec, d_probabilities, saved.d_probabilities);
  }

  void drop_over_capacity(ExecSpace const& exec, GateContext const& context, Routing<T> const& routing) const {
    auto const capacity = gates::expert_capacity(capacity_factor_, context.pool_shape.tokens_in_pool, num_experts_);
    auto const kept = gates::kept_within_capacity(to_host_copy(exec, routing.expert), capacity, context);
    upload(exec, kept, routing.kept);
  }

  GateConfig config_;
  std::int64_t num_experts_;
  bool drop_tokens_;
  double capacity_factor_;
  bool score_is_probability_;
  gates::GateNetwork<T> network_;
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_switch_gate(ModelConfig const& model) {
  return std::make_unique<SwitchGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_switch_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
