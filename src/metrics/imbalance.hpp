#pragma once
#include <cstdint>
#include <span>
#include <string_view>

/// How unevenly n >= 1 counts (choices by expert, rows by rank or node) are spread. Pure numbers; NaN where the counts
/// sum to zero, for nothing was spread.
namespace moescope::metrics {

using Counts = std::span<std::int64_t const>;

/// max / mean: the slowdown if time followed the largest count. 1 = even, n = all on one.
double max_over_mean(Counts counts);

/// (max - mean) / mean, "MaxVio" (Wang et al., "Auxiliary-Loss-Free Load Balancing Strategy for Mixture-of-Experts", 2024).
double max_violation(Counts counts);

/// Standard deviation / mean, the deviation over all n (population, divided by n).
double cv(Counts counts);

/// Gini index, sum over i, j of |c_i - c_j| / (2 n^2 mean) (Gini 1912). 0 = even, (n - 1) / n = all on one.
double gini(Counts counts);

/// Shannon entropy of the shares / log n. 1 = even (also for n = 1), 0 = all on one.
double normalized_entropy(Counts counts);

/// Share of counts that are zero.
double dead_fraction(Counts counts);

/// All of them under their names in `/derived/imbalance`.
struct ImbalanceMeasure {
  std::string_view name;
  double (*of)(Counts counts);
};
inline constexpr ImbalanceMeasure imbalance_measures[] = {
    {"max_over_mean", max_over_mean},           {"max_violation", max_violation}, {"cv", cv}, {"gini", gini},
    {"normalized_entropy", normalized_entropy}, {"dead_fraction", dead_fraction}};

}  // namespace moescope::metrics
