#include "gates/group_limit.hpp"

#include <limits>

#include "base/error.hpp"
#include "base/scalar.hpp"
#include "gates/selection.hpp"

namespace moescope::gates {

/// [tokens,groups]
template <class A>
Matrix<A> scores_of_groups(ExecSpace const& exec, ConstMatrix<A> ranking, std::int64_t num_groups, int best) {
  auto const scores = make_matrix<A>("gates::group_scores", ranking.extent(0), num_groups);
  auto const size = std::int64_t(ranking.extent(1)) / num_groups;
  Kokkos::parallel_for(
      "gates::scores_of_groups", Kokkos::RangePolicy<ExecSpace>(exec, 0, scores.size()), KOKKOS_LAMBDA(std::int64_t i) {
        std::int64_t const t = i / num_groups, g = i % num_groups;
        A first = -Kokkos::Experimental::infinity_v<A>, second = first;
        for (std::int64_t e = g * size; e < (g + 1) * size; ++e) {
          second = Kokkos::max(second, Kokkos::min(first, ranking(t, e)));
          first = Kokkos::max(first, ranking(t, e));
        }
        scores(t, g) = best == 2 ? first + second : first;
      });
  return scores;
}

template <class A>
Matrix<A> limit_groups(ExecSpace const& exec, ConstMatrix<A> ranking, std::int64_t num_groups, std::int64_t groups_kept,
                       int best) {
  auto const experts = std::int64_t(ranking.extent(1)), size = experts / num_groups;
  MOESCOPE_CHECK(size * num_groups == experts && (best == 1 || best == 2) && best <= size);
  auto const kept = top_experts<A>(exec, scores_of_groups<A>(exec, ranking, num_groups, best), groups_kept);
  auto const limited = make_matrix<A>("gates::limited", ranking.extent(0), experts);
  Kokkos::parallel_for(
      "gates::limit_groups", Kokkos::RangePolicy<ExecSpace>(exec, 0, limited.size()), KOKKOS_LAMBDA(std::int64_t i) {
        std::int64_t const t = i / experts, e = i % experts;
        bool stays = false;
        for (std::int64_t j = 0; j < groups_kept; ++j) stays = stays || kept(t, j) == e / size;
        limited(t, e) = stays ? ranking(t, e) : -Kokkos::Experimental::infinity_v<A>;
      });
  return limited;
}

#define MOESCOPE_INSTANTIATE(T) \
  template Matrix<T> limit_groups<T>(ExecSpace const&, ConstMatrix<T>, std::int64_t, std::int64_t, int);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
