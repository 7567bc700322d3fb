#include <numeric>

#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "gates/affinity.hpp"
#include "gates/network_gate.hpp"
#include "gates/selection.hpp"
#include "gates/weigh_by_affinity.hpp"

namespace moescope {

namespace {

/// max(logit, 0) of [tokens,E].
template <class A>
Matrix<A> relu(ExecSpace const& exec, ConstMatrix<A> logits) {
  auto const columns = std::int64_t(logits.extent(1));
  auto const result = make_matrix<A>("gates::affinity", logits.extent(0), columns);
  Kokkos::parallel_for(
      "gates::relu", Kokkos::RangePolicy<ExecSpace>(exec, 0, result.size()),
      KOKKOS_LAMBDA(std::int64_t i) { result(i / columns, i % columns) = Kokkos::max(logits(i / columns, i % columns), A(0)); });
  return result;
}

/// Adds to d_logits [tokens,E].
template <class A>
void relu_backward(ExecSpace const& exec, ConstMatrix<A> affinity, ConstMatrix<A> d_affinity, Matrix<A> d_logits) {
  auto const columns = std::int64_t(affinity.extent(1));
  Kokkos::parallel_for(
      "gates::relu_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, affinity.size()), KOKKOS_LAMBDA(std::int64_t i) {
        auto const t = i / columns, e = i % columns;
        if (affinity(t, e) > 0) d_logits(t, e) += d_affinity(t, e);
      });
}

/// [tokens] positive values of each row.
template <class A>
Vector<int> count_positive(ExecSpace const& exec, ConstMatrix<A> affinity) {
  auto const count = make_vector<int>("gates::count", std::int64_t(affinity.extent(0)));
  auto const columns = std::int64_t(affinity.extent(1));
  Kokkos::parallel_for(
      "gates::positive", Kokkos::RangePolicy<ExecSpace>(exec, 0, affinity.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        int chosen = 0;
        for (std::int64_t e = 0; e < columns; ++e) chosen += affinity(t, e) > 0;
        count(t) = chosen;
      });
  return count;
}

/// ReMoE (Wang et al. 2025): each expert whose logit is positive, weighted by it; from 0 to E choices a token. Its last tensor is
/// lambda, the weight that the loss `relu_l1` has within itself: a step in which tokens took more than top_k experts on average
/// multiplies it by 1.2, one in which they took fewer divides it.
template <class T>
class ReMoEGate final : public gates::NetworkGate<T> {
 public:
  using typename Gate<T>::Parameters, typename Gate<T>::Gradients;
  using A = Accumulate<T>;
  using gates::NetworkGate<T>::NetworkGate;

  Routing<T> choose(ExecSpace const& exec, Scores<T> const& scores, GateContext const&) const override {
    auto const order = gates::top_experts<A>(exec, scores.ranking, this->num_experts_);
    return gates::route_counted<T>(exec, order, count_positive<A>(exec, scores.affinity));
  }

  void weigh(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing) const override {
    gates::weigh_by_affinity<T>(exec, scores.affinity, false, routing);
  }

  void update(ExecSpace const& exec, GateStep const& step, Parameters const& parameters) const override {
    constexpr double factor = 1.2;
    auto const taken = std::reduce(step.choices.begin(), step.choices.end()), wanted = double(this->top_k_) * step.tokens;
    auto const lambda = parameters.back();
    double const before = double(to_host(exec, lambda)(0, 0));
    upload(exec, std::vector<double>{taken > wanted ? before * factor : taken < wanted ? before / factor : before}, lambda);
  }

 protected:
  void rank(ExecSpace const& exec, ConstMatrix<T>, Parameters const&, GateContext const&, Scores<T>& scores) const override {
    scores.affinity = relu<A>(exec, scores.logits);
    scores.ranking = scores.logits;
  }

  void scores_backward(ExecSpace const& exec, ConstMatrix<T> x, Parameters const&, GateContext const&, Scores<T> const& scores,
                       Routing<T> const& routing, ScoreGradients<T>& d, Matrix<T>, Gradients const&) const override {
    auto const& d_affinity = to_add_to(exec, d.affinity, x.extent(0), this->num_experts_);
    gates::weigh_by_affinity_backward<T>(exec, scores.affinity, false, routing, d.weight, d_affinity);
    relu_backward<A>(exec, scores.affinity, d_affinity, d.logits);
  }
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_remoe_gate(ModelConfig const& model) {
  return std::make_unique<ReMoEGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_remoe_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
