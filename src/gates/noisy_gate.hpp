#pragma once
#include <algorithm>

#include "gates/load_estimate.hpp"
#include "gates/network_gate.hpp"
#include "gates/noise.hpp"
#include "gates/selection.hpp"
#include "kernels/gemm.hpp"
#include "kernels/rounding.hpp"

namespace moescope::gates {

template <class T>
Matrix<Accumulate<T>> add_noise(ExecSpace const& exec, LoadEstimate<T> const& estimate) {
  auto const noisy = make_matrix<Accumulate<T>>("gates::noisy", estimate.logits.extent(0), estimate.logits.extent(1));
  auto const experts = std::int64_t(noisy.extent(1));
  Kokkos::parallel_for(
      "gates::add_noise", Kokkos::RangePolicy<ExecSpace>(exec, 0, noisy.size()), KOKKOS_LAMBDA(std::int64_t i) {
        std::int64_t const t = i / experts, e = i % experts;
        noisy(t, e) = estimate.logits(t, e) + estimate.noise(t, e) * estimate.standard_deviation(t, e);
      });
  return noisy;
}

/// [tokens,E] smooth load.
template <class T>
Matrix<Accumulate<T>> load_of(ExecSpace const& exec, LoadEstimate<T> const& estimate) {
  auto const load = make_matrix<Accumulate<T>>("gates::load", estimate.logits.extent(0), estimate.logits.extent(1));
  auto const experts = std::int64_t(load.extent(1));
  Kokkos::parallel_for(
      "gates::load", Kokkos::RangePolicy<ExecSpace>(exec, 0, load.size()),
      KOKKOS_LAMBDA(std::int64_t i) { load(i / experts, i % experts) = estimate.probability(i / experts, i % experts); });
  return load;
}

/// Gradient through noise and load estimate, from dL/d(noisy logits) and, unless of size 0, dL/d(load). Adds to d_logits; assigns
/// d_noise_logits; overwrites d_noisy. All [tokens,E].
template <class T>
void noise_backward(ExecSpace const& exec, LoadEstimate<T> const& estimate, Matrix<Accumulate<T>> const& d_load,
                    Matrix<Accumulate<T>> const& d_noisy, Matrix<Accumulate<T>> const& d_logits,
                    Matrix<Accumulate<T>> const& d_noise_logits) {
  using A = Accumulate<T>;
  bool const loads = d_load.extent(1) > 0;
  auto const experts = std::int64_t(d_logits.extent(1));
  Kokkos::parallel_for(
      "gates::noise_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, d_logits.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        A d_threshold[2] = {0, 0};  // of the k-th and of the (k+1)-th noisy logit
        for (std::int64_t e = 0; loads && e < experts; ++e) {
          bool const in = estimate.is_in_top_k(t, e);
          d_threshold[in] -= d_load(t, e) * estimate.density(estimate.distance(t, e, in)) / estimate.standard_deviation(t, e);
        }
        for (int j = 0; loads && j < 2; ++j) d_noisy(t, estimate.order(t, estimate.top_k - 1 + j)) += d_threshold[j];
        for (std::int64_t e = 0; e < experts; ++e) {
          A d_logit = d_noisy(t, e), d_std = d_logit * estimate.noise(t, e);
          if (loads) {
            A const distance = estimate.distance(t, e, estimate.is_in_top_k(t, e));
            A const slope = d_load(t, e) * estimate.density(distance) / estimate.standard_deviation(t, e);
            d_logit += slope;
            d_std -= slope * distance;
          }
          d_logits(t, e) += d_logit;
          d_noise_logits(t, e) = d_std * estimate.softplus_derivative(estimate.noise_logits(t, e));
        }
      });
}

/// What kinds of this gate differ in.
struct NoisyForm {
  bool use_softmax, add_noise;
  double epsilon;
  bool load_as_released;  ///< LoadEstimate::as_released
};

/// The k largest of logits + noise * std in training and of the logits in evaluation, weighted by the softmax over these k, or by
/// themselves. Its load is the chance of being chosen were the noise drawn again.
template <class T>
class NoisyGate : public NetworkGate<T> {
 public:
  using typename Gate<T>::Parameters, typename Gate<T>::Gradients;
  using A = Accumulate<T>;

  NoisyGate(ModelConfig const& model, NoisyForm const& form) : NetworkGate<T>(model), form_(form) {}

  Routing<T> choose(ExecSpace const& exec, Scores<T> const& scores, GateContext const&) const override {
    return route<T>(exec, saved_in(scores).order, this->top_k_, this->num_experts_);
  }

  void weigh(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing) const override {
    score_choices<T>(exec, scores.ranking, form_.use_softmax, routing);
  }

 protected:
  void rank(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters, GateContext const& context,
            Scores<T>& scores) const override {
    LoadEstimate<T> estimate;
    estimate.top_k = this->top_k_;
    estimate.epsilon = A(form_.epsilon);
    estimate.as_released = form_.load_as_released;
    estimate.logits = estimate.noisy = scores.ranking = scores.logits;
    if (draws_noise(context)) {
      auto const noise_logits = make_matrix<A>("gates::noise_logits", x.extent(0), this->num_experts_);
      kernels::linear<T>(exec, x, parameters.back(), noise_logits);
      estimate.noise_logits = noise_logits;
      estimate.noise = draw_noise<A>(exec, Purpose::gate_noise, context, x.extent(0), this->num_experts_);
      estimate.noisy = scores.ranking = add_noise<T>(exec, estimate);
    }
    estimate.order = top_experts<A>(exec, scores.ranking, std::min(this->top_k_ + 1, this->num_experts_));
    if (draws_noise(context) && this->top_k_ < this->num_experts_) scores.load = load_of<T>(exec, estimate);
    scores.saved = estimate;
  }

  void scores_backward(ExecSpace const& exec, ConstMatrix<T> x, Parameters const& parameters, GateContext const& context,
                       Scores<T> const& scores, Routing<T> const& routing, ScoreGradients<T>& d, Matrix<T> d_x,
                       Gradients const& gradients) const override {
    if (!draws_noise(context)) return score_choices_backward<T>(exec, routing, form_.use_softmax, d.weight, d.logits);
    Matrix<A> d_noisy;
    to_add_to(exec, d_noisy, x.extent(0), this->num_experts_);
    score_choices_backward<T>(exec, routing, form_.use_softmax, d.weight, d_noisy);
    auto const d_noise_logits = make_matrix<A>("gates::d_noise_logits", x.extent(0), this->num_experts_);
    noise_backward<T>(exec, saved_in(scores), d.load, d_noisy, d.logits, d_noise_logits);
    auto const d_product = kernels::rounded<T>(exec, d_noise_logits);
    kernels::linear_backward_weight<T>(exec, d_product, x, gradients.back());
    kernels::linear_backward_input<T>(exec, d_product, parameters.back(), 1, d_x);
  }

 private:
  bool draws_noise(GateContext const& context) const { return context.training && form_.add_noise; }
  static LoadEstimate<T> const& saved_in(Scores<T> const& scores) { return std::any_cast<LoadEstimate<T> const&>(scores.saved); }

  NoisyForm form_;
};

}  // namespace moescope::gates
