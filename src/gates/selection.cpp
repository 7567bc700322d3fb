#include "gates/selection.hpp"

#include "base/error.hpp"
#include "base/scalar.hpp"
#include "base/to_host.hpp"

namespace moescope::gates {

/// Total order of (value, expert): larger values first, then lower experts, NaN last.
template <class T>
KOKKOS_INLINE_FUNCTION bool precedes(T a, std::int64_t expert_a, T b, std::int64_t expert_b) {
  if (Kokkos::isnan(a)) return Kokkos::isnan(b) && expert_a < expert_b;
  return Kokkos::isnan(b) || a > b || (a == b && expert_a < expert_b);
}

template <class T>
Matrix<int> top_experts(ExecSpace const& exec, ConstMatrix<T> ranking, std::int64_t count) {
  auto const experts = std::int64_t(ranking.extent(1));
  MOESCOPE_CHECK(0 < count && count <= experts);
  auto const order = make_matrix<int>("gates::order", ranking.extent(0), count);
  Kokkos::parallel_for(
      "gates::top_experts", Kokkos::RangePolicy<ExecSpace>(exec, 0, ranking.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        std::int64_t last = -1;
        for (std::int64_t j = 0; j < count; ++j) {
          std::int64_t best = -1;
          for (std::int64_t e = 0; e < experts; ++e) {
            bool const is_left = last < 0 || precedes(ranking(t, last), last, ranking(t, e), e);
            if (is_left && (best < 0 || precedes(ranking(t, e), e, ranking(t, best), best))) best = e;
          }
          order(t, j) = int(best);
          last = best;
        }
      });
  return order;
}

template <class T>
Routing<T> route(ExecSpace const& exec, Matrix<int> const& order, std::int64_t count, std::int64_t num_experts) {
  auto const tokens = std::int64_t(order.extent(0));
  Routing<T> const routing{.num_tokens = tokens,
                           .num_choices = tokens * count,
                           .num_experts = num_experts,
                           .offsets = make_vector<int>("gates::offsets", tokens + 1),
                           .expert = make_vector<int>("gates::expert", tokens * count),
                           .weight = make_vector<Accumulate<T>>("gates::weight", tokens * count),
                           .kept = make_vector<int>("gates::kept", tokens * count)};
  auto const offsets = routing.offsets, expert = routing.expert, kept = routing.kept;
  Kokkos::parallel_for(
      "gates::route", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens + 1), KOKKOS_LAMBDA(std::int64_t t) {
        offsets(t) = int(t * count);
        if (t == tokens) return;
        for (std::int64_t j = 0; j < count; ++j) {
          expert(t * count + j) = order(t, j);
          kept(t * count + j) = 1;
        }
      });
  return routing;
}

template <class T>
Vector<int> count_not_below(ExecSpace const& exec, ConstMatrix<T> values, T bound) {
  auto const count = make_vector<int>("gates::count", std::int64_t(values.extent(0)));
  auto const columns = std::int64_t(values.extent(1));
  Kokkos::parallel_for(
      "gates::count_not_below", Kokkos::RangePolicy<ExecSpace>(exec, 0, values.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        int taken = 0;
        for (std::int64_t e = 0; e < columns; ++e) taken += values(t, e) >= bound;
        count(t) = taken;
      });
  return count;
}

template <class T>
Routing<T> route_counted(ExecSpace const& exec, Matrix<int> const& order, ConstVector<int> count) {
  auto const tokens = std::int64_t(order.extent(0));
  auto const offsets = make_vector<int>("gates::offsets", tokens + 1);
  Kokkos::parallel_scan(
      "gates::offsets", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens + 1), KOKKOS_LAMBDA(std::int64_t t, int& sum, bool last) {
        if (last) offsets(t) = sum;
        if (t < tokens) sum += count(t);
      });
  auto const choices = to_host(exec, Kokkos::subview(offsets, Kokkos::make_pair(tokens, tokens + 1)))(0);
  Routing<T> const routing{.num_tokens = tokens,
                           .num_choices = choices,
                           .num_experts = std::int64_t(order.extent(1)),
                           .offsets = offsets,
                           .expert = make_vector<int>("gates::expert", choices),
                           .weight = make_vector<Accumulate<T>>("gates::weight", choices),
                           .kept = make_vector<int>("gates::kept", choices)};
  auto const expert = routing.expert, kept = routing.kept;
  Kokkos::parallel_for(
      "gates::route_counted", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens), KOKKOS_LAMBDA(std::int64_t t) {
        for (int c = offsets(t); c < offsets(t + 1); ++c) {
          expert(c) = order(t, c - offsets(t));
          kept(c) = 1;
        }
      });
  return routing;
}

template <class T>
void score_choices(ExecSpace const& exec, ConstMatrix<Accumulate<T>> logits, bool use_softmax, Routing<T> const& routing) {
  using A = Accumulate<T>;
  auto const offsets = routing.offsets, expert = routing.expert;
  auto const weight = routing.weight;
  Kokkos::parallel_for(
      "gates::score_choices", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        int const begin = offsets(t), end = offsets(t + 1);
        for (int j = begin; j < end; ++j) weight(j) = logits(t, expert(j));
        if (!use_softmax || begin == end) return;
        A largest = weight(begin), sum = 0;
        for (int j = begin; j < end; ++j) largest = Kokkos::max(largest, weight(j));
        for (int j = begin; j < end; ++j) sum += Kokkos::exp(weight(j) - largest);
        for (int j = begin; j < end; ++j) weight(j) = Kokkos::exp(weight(j) - largest) / sum;
      });
}

template <class T>
void score_choices_backward(ExecSpace const& exec, Routing<T> const& routing, bool use_softmax,
                            ConstVector<Accumulate<T>> d_weight, Matrix<Accumulate<T>> d_logits) {
  using A = Accumulate<T>;
  auto const offsets = routing.offsets, expert = routing.expert;
  auto const weight = routing.weight;
  Kokkos::parallel_for(
      "gates::score_choices_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens),
      KOKKOS_LAMBDA(std::int64_t t) {
        int const begin = offsets(t), end = offsets(t + 1);
        A mean = 0;
        for (int j = begin; j < end; ++j) mean += weight(j) * d_weight(j);
        for (int j = begin; j < end; ++j) d_logits(t, expert(j)) += use_softmax ? weight(j) * (d_weight(j) - mean) : d_weight(j);
      });
}

#define MOESCOPE_INSTANTIATE(T)                                                                                  \
  template Matrix<int> top_experts<T>(ExecSpace const&, ConstMatrix<T>, std::int64_t);                           \
  template Routing<T> route<T>(ExecSpace const&, Matrix<int> const&, std::int64_t, std::int64_t);                \
  template Vector<int> count_not_below<T>(ExecSpace const&, ConstMatrix<T>, T);                                  \
  template Routing<T> route_counted<T>(ExecSpace const&, Matrix<int> const&, ConstVector<int>);                  \
  template void score_choices<T>(ExecSpace const&, ConstMatrix<Accumulate<T>>, bool, Routing<T> const&);         \
  template void score_choices_backward<T>(ExecSpace const&, Routing<T> const&, bool, ConstVector<Accumulate<T>>, \
                                          Matrix<Accumulate<T>>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
