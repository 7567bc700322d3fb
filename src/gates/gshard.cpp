#include "gates/affinity_gate.hpp"
#include "gates/selection.hpp"

namespace moescope {

namespace {

/// [tokens]
template <class A>
Vector<A> sum_of_best(ExecSpace const& exec, Matrix<int> const& order, ConstMatrix<A> affinity) {
  auto const sum = make_vector<A>("gates::sum_of_best", order.extent(0));
  auto const k = std::int64_t(order.extent(1));
  Kokkos::parallel_for(
      "gates::sum_of_best", Kokkos::RangePolicy<ExecSpace>(exec, 0, order.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        A total = 0;
        for (std::int64_t j = 0; j < k; ++j) total += affinity(t, order(t, j));
        sum(t) = total;
      });
  return sum;
}

/// Where a token's choices end, from how many it has.
template <class T>
Routing<T> room_for(ExecSpace const& exec, Vector<int> const& offsets, std::int64_t num_experts) {
  auto const tokens = std::int64_t(offsets.extent(0)) - 1;
  int choices = 0;
  Kokkos::parallel_scan(
      "gates::offsets", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens + 1),
      KOKKOS_LAMBDA(std::int64_t t, int& before, bool is_last) {
        int const count = offsets(t);
        if (is_last) offsets(t) = before;
        before += count;
      },
      choices);
  Routing<T> const routing{.num_tokens = tokens,
                           .num_choices = choices,
                           .num_experts = num_experts,
                           .offsets = offsets,
                           .expert = make_vector<int>("gates::expert", choices),
                           .weight = make_vector<Accumulate<T>>("gates::weight", choices),
                           .kept = make_vector<int>("gates::kept", choices)};
  Kokkos::deep_copy(exec, routing.kept, 1);
  return routing;
}

/// Whether the j-th best expert of a token is chosen.
template <class A>
struct IsChosen {
  Matrix<int> order;
  ConstMatrix<A> affinity;
  Vector<A> sum;
  RandomStream stream;
  ConstVector<std::int64_t> ids;
  KOKKOS_INLINE_FUNCTION bool operator()(std::int64_t t, std::int64_t j) const {
    return j == 0 || 2 * double(affinity(t, order(t, j)) / sum(t)) > stream.uniform(ids(t), j);
  }
};

/// The first of each row of `order` [tokens,k], and of the others those whose draw lets them.
template <class T>
Routing<T> thinned(ExecSpace const& exec, Matrix<int> const& order, ConstMatrix<Accumulate<T>> affinity,
                   RandomStream const& stream, ConstVector<std::int64_t> const& ids) {
  using A = Accumulate<T>;
  auto const tokens = std::int64_t(order.extent(0)), k = std::int64_t(order.extent(1));
  IsChosen<A> const is_chosen{order, affinity, sum_of_best<A>(exec, order, affinity), stream, ids};
  auto const offsets = make_vector<int>("gates::offsets", tokens + 1);
  Kokkos::parallel_for(
      "gates::count_thinned", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens + 1), KOKKOS_LAMBDA(std::int64_t t) {
        int count = 0;
        for (std::int64_t j = 0; t < tokens && j < k; ++j) count += is_chosen(t, j);
        offsets(t) = count;
      });
  auto const routing = room_for<T>(exec, offsets, affinity.extent(1));
  auto const expert = routing.expert;
  Kokkos::parallel_for(
      "gates::thinned", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens), KOKKOS_LAMBDA(std::int64_t t) {
        int next = offsets(t);
        for (std::int64_t j = 0; j < k; ++j)
          if (is_chosen(t, j)) expert(next++) = order(t, j);
      });
  return routing;
}

/// weight = affinity / sum of the token's k largest.
template <class T>
void weigh_over_best(ExecSpace const& exec, Matrix<int> const& order, ConstMatrix<Accumulate<T>> affinity,
                     Routing<T> const& routing) {
  auto const sum = sum_of_best<Accumulate<T>>(exec, order, affinity);
  auto const offsets = routing.offsets, expert = routing.expert;
  auto const weight = routing.weight;
  Kokkos::parallel_for(
      "gates::gshard_weights", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        for (int j = offsets(t); j < offsets(t + 1); ++j) weight(j) = affinity(t, expert(j)) / sum(t);
      });
}

/// Adds to d_affinity [tokens,E].
template <class T>
void weigh_over_best_backward(ExecSpace const& exec, Matrix<int> const& order, ConstMatrix<Accumulate<T>> affinity,
                              Routing<T> const& routing, ConstVector<Accumulate<T>> d_weight, Matrix<Accumulate<T>> d_affinity) {
  using A = Accumulate<T>;
  auto const sum = sum_of_best<A>(exec, order, affinity);
  auto const k = std::int64_t(order.extent(1));
  auto const offsets = routing.offsets, expert = routing.expert;
  auto const weight = routing.weight;
  Kokkos::parallel_for(
      "gates::gshard_weights_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens),
      KOKKOS_LAMBDA(std::int64_t t) {
        A through_sum = 0;
        for (int j = offsets(t); j < offsets(t + 1); ++j) {
          d_affinity(t, expert(j)) += d_weight(j) / sum(t);
          through_sum += d_weight(j) * weight(j) / sum(t);
        }
        for (std::int64_t j = 0; j < k; ++j) d_affinity(t, order(t, j)) -= through_sum;
      });
}

/// GShard (Lepikhin et al. 2020, algorithm 1): of the k largest of the softmax over all experts (k = 2) the first is chosen, and
/// another where twice its weight exceeds a number drawn from (0, 1); in evaluation all k. Weights are over the sum of the k.
template <class T>
class GshardGate final : public gates::AffinityGate<T> {
 public:
  using A = Accumulate<T>;

  explicit GshardGate(ModelConfig const& model)
      : gates::AffinityGate<T>(model, gates::AffinityGate<T>::Affinity::softmax, false) {}

  Routing<T> choose(ExecSpace const& exec, Scores<T> const& scores, GateContext const& context) const override {
    auto const order = best(exec, scores);
    if (!context.training) return gates::route<T>(exec, order, this->top_k_, this->num_experts_);
    RandomStream const stream(context.seed, Purpose::second_choice, context.step, context.layer);
    return thinned<T>(exec, order, scores.affinity, stream, context.tokens.on_device());
  }

  void weigh(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing) const override {
    weigh_over_best<T>(exec, best(exec, scores), scores.affinity, routing);
  }

 protected:
  void weights_backward(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing, ConstVector<A> d_weight,
                        Matrix<A> const& d_affinity) const override {
    weigh_over_best_backward<T>(exec, best(exec, scores), scores.affinity, routing, d_weight, d_affinity);
  }

 private:
  Matrix<int> best(ExecSpace const& exec, Scores<T> const& scores) const {
    return gates::top_experts<A>(exec, scores.ranking, this->top_k_);
  }
};

}  // namespace

template <class T>
std::unique_ptr<Gate<T>> make_gshard_gate(ModelConfig const& model) {
  return std::make_unique<GshardGate<T>>(model);
}
#define MOESCOPE_INSTANTIATE(T) template std::unique_ptr<Gate<T>> make_gshard_gate<T>(ModelConfig const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
