#include "gates/losses/share_loss.hpp"

#include <numeric>

#include "base/upload.hpp"
#include "gates/losses/normalised.hpp"
#include "gates/pool_statistics.hpp"

namespace moescope::gates {
namespace {

/// Of the pools [pools,E]; slope: d(value) / d(affinity of one token).
struct PoolShares {
  PoolShape shape;
  std::int64_t num_experts = 0;
  std::vector<double> affinity{}, choices{}, slope{};
};

/// [tokens,2E]: what a token adds to the sum of an expert's affinity, and to its counted choices.
template <class T>
Matrix<Accumulate<T>> affinity_and_choices(ExecSpace const& exec, ShareForm const& form, Scores<T> const& scores,
                                           Routing<T> const& routing) {
  auto const experts = routing.num_experts;
  auto const terms = make_matrix<Accumulate<T>>("gates::terms", routing.num_tokens, 2 * experts);
  auto const offsets = routing.offsets, expert = routing.expert;
  NormalisedRow<Accumulate<T>> const row{scores.affinity, form.normalised};
  bool const first_only = form.first_choice_only;
  Kokkos::parallel_for(
      "gates::affinity_and_choices", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_tokens), KOKKOS_LAMBDA(std::int64_t t) {
        auto const sum = row.sum(t);
        for (std::int64_t e = 0; e < experts; ++e) {
          terms(t, e) = row(t, e, sum);
          terms(t, experts + e) = 0;
        }
        auto const end = first_only ? Kokkos::min(offsets(t) + 1, offsets(t + 1)) : offsets(t + 1);
        for (int j = offsets(t); j < end; ++j) terms(t, experts + expert(j)) = 1;
      });
  return terms;
}

/// Each value becomes the mean of its group of consecutive ones.
std::vector<double> group_means(std::span<double const> values, std::int64_t group_size) {
  std::vector<double> means(values.begin(), values.end());
  auto const size = std::size_t(group_size);
  for (std::size_t first = 0; first < values.size(); first += size) {
    auto const group = values.subspan(first, std::min(size, values.size() - first));
    auto const mean = std::reduce(group.begin(), group.end()) / double(group.size());
    std::fill_n(means.begin() + std::ptrdiff_t(first), group.size(), mean);
  }
  return means;
}

/// Sets value, per_choice and slope, each divided by `routers`, from choices and affinity.
void evaluate(ShareForm const& form, PoolShares& shares, double routers, LossTerm& term) {
  auto const& shape = shares.shape;
  auto const experts = std::size_t(shares.num_experts);
  term.value = 0;
  term.per_choice.clear();
  shares.slope.clear();
  for (std::int64_t p = 0; p < shape.count(); ++p) {
    auto const affinity = std::span<double const>(shares.affinity).subspan(std::size_t(p) * experts, experts);
    auto const choices = std::span<double const>(shares.choices).subspan(std::size_t(p) * experts, experts);
    auto const counted = group_means(choices, form.group_size), mean = group_means(affinity, form.group_size);
    double const scale = form.scale(std::reduce(choices.begin(), choices.end()), double(shape.tokens_in_pool)) /
                         (double(shape.pools_in_step) * routers);
    for (std::size_t e = 0; e < experts; ++e) {
      term.value += scale * counted[e] * affinity[e];
      term.per_choice.push_back(scale * mean[e]);
      shares.slope.push_back(scale * counted[e] / double(shape.tokens_in_pool));
    }
  }
}

/// Mean affinity and share of the counted choices, as they are recorded.
PoolStatistics statistics_of(PoolShares const& shares) {
  auto const experts = shares.num_experts, pools = shares.shape.count();
  PoolStatistics statistics{{}, pools, experts};
  for (std::int64_t p = 0; p < pools; ++p) {
    auto const row = [&](std::vector<double> const& all) {
      return std::span(all).subspan(std::size_t(p * experts), std::size_t(experts));
    };
    auto const affinity = row(shares.affinity), choices = row(shares.choices);
    double const counted = std::max(1.0, std::reduce(choices.begin(), choices.end()));
    statistics.values.insert(statistics.values.end(), affinity.begin(), affinity.end());
    for (double const count : choices) statistics.values.push_back(count / counted);
  }
  return statistics;
}

template <class A>
void add_gradient(ExecSpace const& exec, NormalisedRow<A> const& row, ConstMatrix<A> d_row_of_pool, PoolOfRow const& pool_of,
                  Matrix<A> d_affinity) {
  auto const experts = std::int64_t(d_affinity.extent(1));
  Kokkos::parallel_for(
      "gates::share_loss_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, d_affinity.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        auto const p = pool_of(t);
        auto const sum = row.sum(t);
        A mean = 0;
        for (std::int64_t e = 0; e < experts; ++e) mean += row(t, e, sum) * d_row_of_pool(p, e);
        for (std::int64_t e = 0; e < experts; ++e) d_affinity(t, e) += row.derivative(t, e, sum, d_row_of_pool(p, e), mean);
      });
}

}  // namespace

template <class T>
LossTerm ShareLoss<T>::forward(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing,
                               GateContext const& context, std::vector<Matrix<T>> const&) const {
  auto const& pool = context.pool(pool_);
  auto const experts = std::size_t(routing.num_experts);
  auto const sums =
      sum_over_pools<Accumulate<T>>(exec, affinity_and_choices<T>(exec, form_, scores, routing), context.tokens, pool);
  PoolShares shares{.shape = pool.shape, .num_experts = routing.num_experts};
  for (std::size_t i = 0; i < sums.size(); ++i) {
    bool const is_affinity = i % (2 * experts) < experts;
    (is_affinity ? shares.affinity : shares.choices)
        .push_back(is_affinity ? sums[i] / double(pool.shape.tokens_in_pool) : sums[i]);
  }
  LossTerm term;
  term.of_first_choice = form_.first_choice_only;
  evaluate(form_, shares, 1, term);
  record_statistics(statistics_of(shares), pool.shape, term);
  term.saved = std::move(shares);
  return term;
}

template <class T>
void ShareLoss<T>::join(std::span<LossTerm* const> routers) const {
  if (!form_.joins_layers || routers.empty()) return;
  auto const count = double(routers.size());
  auto joined = std::any_cast<PoolShares const&>(routers[0]->saved);
  for (std::size_t i = 0; i < joined.affinity.size(); ++i) {
    joined.affinity[i] = joined.choices[i] = 0;
    for (auto const* term : routers) {
      auto const& shares = std::any_cast<PoolShares const&>(term->saved);
      joined.affinity[i] += shares.affinity[i] / count;
      joined.choices[i] += shares.choices[i] / count;
    }
  }
  for (auto* term : routers) {
    auto& shares = std::any_cast<PoolShares&>(term->saved);
    evaluate(form_, joined, count, *term);
    shares.slope = joined.slope;
  }
}

template <class T>
void ShareLoss<T>::backward(ExecSpace const& exec, LossTerm const& term, double scale, Scores<T> const& scores,
                            Routing<T> const& routing, GateContext const& context, ScoreGradients<T>& d) const {
  using A = Accumulate<T>;
  auto const& pool = context.pool(pool_);
  auto const& shares = std::any_cast<PoolShares const&>(term.saved);
  std::vector<double> slope;
  for (double const value : shares.slope) slope.push_back(scale * value);
  auto const of_pool = make_matrix<A>("gates::d_statistics", pool.shape.count(), routing.num_experts);
  upload(exec, slope, of_pool);
  auto const& d_affinity = to_add_to(exec, d.affinity, routing.num_tokens, routing.num_experts);
  add_gradient<A>(exec, {scores.affinity, form_.normalised}, of_pool, PoolOfRow(context.tokens, pool), d_affinity);
}

#define MOESCOPE_INSTANTIATE(T) template class ShareLoss<T>;
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
