#include "metrics/imbalance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/error.hpp"

namespace moescope::metrics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double total(Counts counts) {
  MOESCOPE_CHECK(!counts.empty());
  return double(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
}

double mean(Counts counts) { return total(counts) / double(counts.size()); }

}  // namespace

double max_over_mean(Counts counts) {
  auto const average = mean(counts);
  return average > 0 ? double(*std::max_element(counts.begin(), counts.end())) / average : nan;
}

double max_violation(Counts counts) { return max_over_mean(counts) - 1; }

double cv(Counts counts) {
  auto const average = mean(counts);
  double squares = 0;
  for (auto const count : counts) squares += (double(count) - average) * (double(count) - average);
  return average > 0 ? std::sqrt(squares / double(counts.size())) / average : nan;
}

double gini(Counts counts) {
  auto const sum = total(counts);
  if (!(sum > 0)) return nan;
  std::vector<std::int64_t> sorted(counts.begin(), counts.end());
  std::sort(sorted.begin(), sorted.end());
  auto const n = double(sorted.size());
  double ranked = 0;  // sum of (2 i - n - 1) c_(i), the sum over pairs of differences
  for (std::size_t i = 0; i < sorted.size(); ++i) ranked += (2 * double(i + 1) - n - 1) * double(sorted[i]);
  return ranked / (n * sum);
}

double normalized_entropy(Counts counts) {
  auto const sum = total(counts);
  if (!(sum > 0)) return nan;
  if (counts.size() == 1) return 1;
  double entropy = 0;
  for (auto const count : counts)
    if (count > 0) entropy -= double(count) / sum * std::log(double(count) / sum);
  return entropy / std::log(double(counts.size()));
}

double dead_fraction(Counts counts) {
  if (!(total(counts) > 0)) return nan;
  return double(std::count(counts.begin(), counts.end(), 0)) / double(counts.size());
}

}  // namespace moescope::metrics
