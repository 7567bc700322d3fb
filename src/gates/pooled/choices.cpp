#include "gates/pooled/choices.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/scalar.hpp"
#include "base/to_host.hpp"
#include "base/upload.hpp"

namespace moescope::gates {

void Choices::add_token(std::span<int const> experts) {
  expert.insert(expert.end(), experts.begin(), experts.end());
  offsets.push_back(int(expert.size()));
}

Choices best_first(Choices const& choices, std::span<double const> scores, std::int64_t num_experts) {
  Choices sorted;
  for (std::int64_t t = 0; t + 1 < std::ssize(choices.offsets); ++t) {
    auto const of_token = choices.of(t);
    std::vector<int> experts(of_token.begin(), of_token.end());
    std::sort(experts.begin(), experts.end(), [&](int a, int b) {
      double const score_a = scores[t * num_experts + a], score_b = scores[t * num_experts + b];
      if (std::isnan(score_a)) return std::isnan(score_b) && a < b;
      return std::isnan(score_b) || score_a > score_b || (score_a == score_b && a < b);
    });
    sorted.add_token(experts);
  }
  return sorted;
}

bool PooledTokens::has_owned(std::int64_t pool) const {
  auto const first = std::lower_bound(owned_.begin(), owned_.end(), shape_.first_id + pool * shape_.tokens_in_pool);
  return first != owned_.end() && pool_of(*first) == pool;
}

std::span<double const> PooledTokens::rows(std::span<double const> gathered, std::int64_t width, std::int64_t pool) const {
  MOESCOPE_CHECK(std::ssize(gathered) == shape_.tokens * width);
  return gathered.subspan(pool * shape_.tokens_in_pool * width, shape_.tokens_in_pool * width);
}

Choices PooledTokens::owned(std::vector<Choices> const& of_pools) const {
  Choices own;
  for (auto const id : owned_) own.add_token(of_pools[pool_of(id)].of(place_of(id)));
  return own;
}

std::vector<double> PooledTokens::owned(std::vector<std::vector<double>> const& of_pools, std::int64_t width) const {
  std::vector<double> own;
  for (auto const id : owned_) {
    auto const row = std::span(of_pools[pool_of(id)]).subspan(place_of(id) * width, width);
    own.insert(own.end(), row.begin(), row.end());
  }
  return own;
}

Choices choices_of(std::vector<int> const& experts, std::int64_t per_token) {
  Choices choices;
  for (std::int64_t first = 0; first < std::ssize(experts); first += per_token)
    choices.add_token(std::span(experts).subspan(first, per_token));
  return choices;
}

template <class A>
std::vector<double> gather_rows(ExecSpace const& exec, ConstMatrix<A> scores, Pool const& pool) {
  auto const own = to_host_copy(exec, scores);
  return pool.exchange->gather(std::vector<double>(own.begin(), own.end()), std::int64_t(scores.extent(1)));
}

template <class T>
Matrix<Accumulate<T>> less_columns(ExecSpace const& exec, ConstMatrix<Accumulate<T>> scores, ConstMatrix<T> offset) {
  auto const columns = std::int64_t(scores.extent(1));
  auto const result = make_matrix<Accumulate<T>>("gates::less_columns", scores.extent(0), columns);
  Kokkos::parallel_for(
      "gates::less_columns", Kokkos::RangePolicy<ExecSpace>(exec, 0, scores.size()), KOKKOS_LAMBDA(std::int64_t i) {
        auto const t = i / columns, e = i % columns;
        result(t, e) = scores(t, e) - Accumulate<T>(offset(0, e));
      });
  return result;
}

template <class T>
Routing<T> to_routing(ExecSpace const& exec, Choices const& choices, std::int64_t num_experts) {
  auto const count = std::int64_t(choices.expert.size());
  Routing<T> const routing{.num_tokens = std::ssize(choices.offsets) - 1,
                           .num_choices = count,
                           .num_experts = num_experts,
                           .offsets = upload(exec, "gates::offsets", choices.offsets),
                           .expert = upload(exec, "gates::expert", choices.expert),
                           .weight = make_vector<Accumulate<T>>("gates::weight", count),
                           .kept = make_vector<int>("gates::kept", count)};
  Kokkos::deep_copy(exec, routing.kept, 1);
  return routing;
}

#define MOESCOPE_INSTANTIATE(T)                                                                                 \
  template Matrix<Accumulate<T>> less_columns<T>(ExecSpace const&, ConstMatrix<Accumulate<T>>, ConstMatrix<T>); \
  template Routing<T> to_routing<T>(ExecSpace const&, Choices const&, std::int64_t);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE
template std::vector<double> gather_rows<float>(ExecSpace const&, ConstMatrix<float>, Pool const&);
template std::vector<double> gather_rows<double>(ExecSpace const&, ConstMatrix<double>, Pool const&);

}  // namespace moescope::gates
