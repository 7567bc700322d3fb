#include "step/confidence.hpp"

#include <array>
#include <span>

#include "base/to_host.hpp"

namespace moescope {

namespace {

using Threads = Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>;

/// [tokens, 2 E] what the probabilities are made of, and the ranking; NaN where there is none.
template <class T>
Matrix<double> side_by_side(ExecSpace const& exec, KeptScores<T> const& router, std::int64_t experts) {
  auto const tokens = std::int64_t(router.offsets.extent(0)) - 1;
  auto const both = make_matrix<double>("step::router_scores", tokens, 2 * experts);
  auto const probable = router.probable, ranking = router.ranking;
  bool const has_probable = probable.extent(1) > 0, has_ranking = ranking.extent(1) > 0;
  double const none = Kokkos::Experimental::quiet_NaN_v<double>;
  Kokkos::parallel_for(
      "step::router_scores", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens * experts), KOKKOS_LAMBDA(std::int64_t i) {
        std::int64_t const t = i / experts, e = i % experts;
        both(t, e) = has_probable ? double(probable(t, e)) : none;
        both(t, experts + e) = has_ranking ? double(ranking(t, e)) : none;
      });
  return both;
}

/// Top-1 probability, entropy and margin.
std::array<double, 3> confidence(std::span<double const> scores, bool are_logits, std::span<int const> chosen) {
  auto const experts = scores.size() / 2;
  std::vector<double> probabilities(scores.begin(), scores.begin() + std::ptrdiff_t(experts));
  (are_logits ? metrics::softmax : metrics::normalize)(probabilities);
  return {metrics::top_probability(probabilities), metrics::token_entropy(probabilities),
          metrics::margin(scores.subspan(experts), chosen)};
}

template <class T>
metrics::ConfidenceSums sum_over_tokens(ExecSpace const& exec, KeptScores<T> const& router, std::int64_t experts) {
  auto const scores = to_host(exec, side_by_side<T>(exec, router, experts));
  auto const offsets = to_host(exec, router.offsets), expert = to_host(exec, router.expert);
  auto const tokens = std::int64_t(scores.extent(0)), width = 2 * experts;
  std::vector<std::array<double, 3>> of_token(static_cast<std::size_t>(tokens));
  Kokkos::parallel_for("step::router_confidence", Threads(0, tokens), [&](std::int64_t t) {
    std::span<int const> const chosen(expert.data() + offsets(t), expert.data() + offsets(t + 1));
    of_token[std::size_t(t)] = confidence({scores.data() + t * width, std::size_t(width)}, router.are_logits, chosen);
  });
  Kokkos::DefaultHostExecutionSpace().fence("step::router_confidence");
  metrics::ConfidenceSums sums;
  for (auto const& [top, entropy, margin] : of_token) sums.add(top, entropy, margin);
  return sums;
}

}  // namespace

template <class T>
std::vector<KeptScores<T>> keep_scores(Activations<T> const& activations) {
  std::vector<KeptScores<T>> routers;
  for (auto const& block : activations.blocks) {
    auto const& scores = block.moe.routed.router.scores;
    auto const& routing = block.moe.routed.router.routing;
    bool const has_affinity = scores.affinity.extent(1) > 0 && scores.affinity.data() != scores.logits.data();
    routers.push_back(
        {has_affinity ? scores.affinity : scores.logits, !has_affinity, scores.ranking, routing.offsets, routing.expert});
  }
  return routers;
}

template <class T>
void add_confidence(ExecSpace const& exec, std::vector<KeptScores<T>> const& routers, RankReport& report) {
  for (std::size_t l = 0; l < routers.size(); ++l) {
    auto const& router = routers[l];
    auto const experts = std::int64_t(std::max(router.probable.extent(1), router.ranking.extent(1)));
    if (experts > 0) report.confidence[l].add(sum_over_tokens<T>(exec, router, experts));
  }
}

#define MOESCOPE_INSTANTIATE(T)                                              \
  template std::vector<KeptScores<T>> keep_scores<T>(Activations<T> const&); \
  template void add_confidence<T>(ExecSpace const&, std::vector<KeptScores<T>> const&, RankReport&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
