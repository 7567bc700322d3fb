#include "base/error.hpp"
#include "base/upload.hpp"
#include "gates/gate_network.hpp"
#include "gates/load_estimate.hpp"
#include "gates/noise.hpp"
#include "gates/pool_statistics.hpp"
#include "gates/selection.hpp"
#include "kernels/gemm.hpp"
#include "kernels/rounding.hpp"

namespace moescope {

namespace {

template <class T>
struct NoisyTopKActivations {
  typename gates::GateNetwork<T>::Activations network;
  gates::LoadEstimate<T> estimate;             ///< without noise: `noisy` is the logits, noise views are empty
  bool estimates_load;                         ///< false: load is a count, without gradient
  Matrix<Accumulate<T>> d_importance, d_load;  ///< [pools,E] dL/d(statistic) of each pool
};

template <class T>
Matrix<Accumulate<T>> add_noise(ExecSpace const& exec, gates::LoadEstimate<T> const& estimate) {
  auto const noisy = make_matrix<Accumulate<T>>("gates::noisy", estimate.logits.extent(0), estimate.logits.extent(1));
  auto const experts = std::int64_t(noisy.extent(1));
  Kokkos::parallel_for(
      "gates::add_noise", Kokkos::RangePolicy<ExecSpace>(exec, 0, noisy.size()), KOKKOS_LAMBDA(std::int64_t i) {
        std::int64_t const t = i / experts, e = i % experts;
        noisy(t, e) = estimate.logits(t, e) + estimate.noise(t, e) * estimate.standard_deviation(t, e);
      });
  return noisy;
}

/// [tokens,2E]: what each token adds to the importance and to the load of each expert.
template <class T>
Matrix<Accumulate<T>> importance_and_load(ExecSpace const& exec, Routing<T> const& routing,
                                          gates::LoadEstimate<T> const& estimate, bool estimates_load) {
  auto const experts = routing.num_experts;
  auto const terms = make_matrix<Accumulate<T>>("gates::terms", routing.num_tokens, 2 * experts);
  auto const offsets = routing.offsets, expert = routing.expert;
  auto const weight = routing.weight;
  Kokkos::parallel_for(
      "gates::importance_and_load", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        for (std::int64_t e = 0; e < experts; ++e) {
          terms(t, e) = 0;
          terms(t, experts + e) = estimates_load ? estimate.probability(t, e) : 0;
        }
        for (int j = offsets(t); j < offsets(t + 1); ++j) {
          terms(t, expert(j)) = weight(j);
          if (!estimates_load) terms(t, experts + expert(j)) = weight(j) > 0;
        }
      });
  return terms;
}

/// d_score = d_weight + dL/d(importance) of the choice's expert.
template <class T>
Vector<Accumulate<T>> add_importance_gradient(ExecSpace const& exec, Routing<T> const& routing,
                                              ConstVector<Accumulate<T>> d_weight, Matrix<Accumulate<T>> const& d_importance,
                                              gates::PoolOfRow const& pool_of) {
  auto const d_score = make_vector<Accumulate<T>>("gates::d_score", routing.num_choices);
  auto const offsets = routing.offsets, expert = routing.expert;
  Kokkos::parallel_for(
      "gates::importance_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        for (int j = offsets(t); j < offsets(t + 1); ++j) d_score(j) = d_weight(j) + d_importance(pool_of(t), expert(j));
      });
  return d_score;
}

/// Gradient through noise and load estimate. d_logits holds dL/d(noisy logits) from the scores on entry and
/// dL/d(logits) on return; d_noise_logits is assigned.
template <class T>
void noise_backward(ExecSpace const& exec, NoisyTopKActivations<T> const& saved, gates::PoolOfRow const& pool_of,
                    Matrix<Accumulate<T>> const& d_logits, Matrix<Accumulate<T>> const& d_noise_logits) {
  using A = Accumulate<T>;
  auto const estimate = saved.estimate;
  auto const estimates_load = saved.estimates_load;
  auto const d_load = saved.d_load;
  auto const experts = std::int64_t(d_logits.extent(1));
  Kokkos::parallel_for(
      "gates::noise_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, d_logits.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        A d_threshold[2] = {0, 0};  // of the k-th and of the (k+1)-th noisy logit
        for (std::int64_t e = 0; estimates_load && e < experts; ++e) {
          bool const in = estimate.is_in_top_k(t, e);
          d_threshold[in] -=
              d_load(pool_of(t), e) * estimate.density(estimate.distance(t, e, in)) / estimate.standard_deviation(t, e);
        }
        for (int j = 0; estimates_load && j < 2; ++j) {
          d_logits(t, estimate.order(t, estimate.top_k - 1 + j)) += d_threshold[j];
        }
        for (std::int64_t e = 0; e < experts; ++e) {
          A const d_noisy = d_logits(t, e);
          A d_logit = d_noisy, d_std = d_noisy * estimate.noise(t, e);
          if (estimates_load) {
            A const distance = estimate.distance(t, e, estimate.is_in_top_k(t, e));
            A const slope = d_load(pool_of(t), e) * estimate.density(distance) / estimate.standard_deviation(t, e);
            d_logit += slope;
            d_std -= slope * distance;
          }
          d_logits(t, e) = d_logit;
          d_noise_logits(t, e) = d_std * estimate.softplus_derivative(estimate.noise_logits(t, e));
        }
      });
}

/// LLaMA-MoE's TopKBalancedNoisyGate (Shazeer et al. 2017): the k largest of logits + noise * std in training and of the
/// logits in evaluation, weighted by the softmax over these k. Balance loss of a pool: w (cv^2(importance) + cv^2(load)).
template <class T>
class NoisyTopKGate final : public Gate<T> {
 public:
  explicit NoisyTopKGate(ModelConfig const& model)
      : config_(model.gate), num_experts_(model.num_experts), top_k_(model.top_k), network_(model) {
    MOESCOPE_CHECK(config_.load_estimate == "released" || config_.load_estimate == "noisy_logit");
  }

  GateResult<T> forward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters,
                        GateContext const& context) const override {
    NoisyTopKActivations<T> saved = noisy_logits(exec, x, parameters, context);
    GateResult<T> result;
    result.routing = gates::route<T>(exec, saved.estimate.order, top_k_, num_experts_);
    gates::score_choices<T>(exec, saved.estimate.noisy, config_.use_softmax, result.routing);
    auto const terms = importance_and_load<T>(exec, result.routing, saved.estimate, saved.estimates_load);
    gates::PoolStatistics const statistics{gates::sum_over_pools<Accumulate<T>>(exec, terms, context), context.pool_shape.count(),
                                           num_experts_};
    gates::record_statistics<T>(statistics, context, result);
    if (config_.use_balance) result.balance_loss = config_.balance_loss_weight * result.cv2;
    differentiate_statistics(exec, statistics, context, saved);
    result.saved = saved;
    return result;
  }

  void backward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters, GateContext const& context,
                GateResult<T> const& result, ConstVector<Accumulate<T>> d_weight, Matrix<T> d_x,
                std::vector<Matrix<Accumulate<T>>> const& gradients) const override {
    auto const& saved = std::any_cast<NoisyTopKActivations<T> const&>(result.saved);
    gates::PoolOfRow const pool_of(context);
    auto const d_score = add_importance_gradient<T>(exec, result.routing, d_weight, saved.d_importance, pool_of);
    auto const d_logits = make_matrix<Accumulate<T>>("gates::d_logits", x.extent(0), num_experts_);
    gates::score_choices_backward<T>(exec, result.routing, config_.use_softmax, d_score, d_logits);
    if (draws_noise(context)) {
      auto const d_noise_logits = make_matrix<Accumulate<T>>("gates::d_noise_logits", x.extent(0), num_experts_);
      noise_backward<T>(exec, saved, pool_of, d_logits, d_noise_logits);
      auto const d_product = kernels::rounded<T>(exec, d_noise_logits);
      kernels::linear_backward_weight<T>(exec, d_product, x, gradients.back());
      kernels::linear_backward_input<T>(exec, d_product, parameters.back(), 1, d_x);
    }
    network_.backward(exec, x, parameters, saved.network, d_logits, d_x, gradients);
  }

 private:
  bool draws_noise(GateContext const& context) const { return context.training && config_.add_noise; }

  NoisyTopKActivations<T> noisy_logits(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters,
                                       GateContext const& context) const {
    NoisyTopKActivations<T> saved;
    saved.network = network_.forward(exec, x, parameters);
    saved.estimates_load = draws_noise(context) && top_k_ < num_experts_;
    auto& estimate = saved.estimate;
    estimate.top_k = top_k_;
    estimate.epsilon = Accumulate<T>(config_.noise_epsilon);
    estimate.as_released = config_.load_estimate == "released";
    estimate.logits = estimate.noisy = saved.network.logits;
    if (draws_noise(context)) {
      auto const noise_logits = make_matrix<Accumulate<T>>("gates::noise_logits", x.extent(0), num_experts_);
      kernels::linear<T>(exec, x, parameters.back(), noise_logits);
      estimate.noise_logits = noise_logits;
      estimate.noise = gates::draw_noise<Accumulate<T>>(exec, Purpose::gate_noise, context, x.extent(0), num_experts_);
      estimate.noisy = add_noise<T>(exec, estimate);
    }
    estimate.order = gates::top_experts<Accumulate<T>>(exec, estimate.noisy, std::min(top_k_ + 1, num_experts_));
    return saved;
  }

  void differentiate_statistics(ExecSpace const& exec, gates::PoolStatistics const& statistics, GateContext const& context,
                                NoisyTopKActivations<T>& saved) const {
    double const scale = config_.use_balance ? config_.balance_loss_weight / double(context.pool_shape.pools_in_step) : 0.0;
    std::vector<double> d_importance(statistics.pools * num_experts_), d_load(d_importance.size());
    for (std::int64_t p = 0; p < statistics.pools; ++p) {
      auto const row = [&](auto& values) { return std::span(values).subspan(p * num_experts_, num_experts_); };
      gates::add_cv_squared_gradient(statistics.importance(p), scale, row(d_importance));
      gates::add_cv_squared_gradient(statistics.load(p), scale, row(d_load));
    }
    saved.d_importance = make_matrix<Accumulate<T>>("gates::d_importance", statistics.pools, num_experts_);
    saved.d_load = make_matrix<Accumulate<T>>("gates::d_load", statistics.pools, num_experts_);
    upload(exec, d_importance, saved.d_importance);
    upload(exec, d_load, saved.d_load);
  }

  GateConfig config_;
  std::int64_t num_experts_, top_k_;
  gates::GateNetwork<T> network_;
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_noisy_top_k_gate(ModelConfig const& model) {
  return std::make_unique<NoisyTopKGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_noisy_top_k_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
