#include "metrics/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/error.hpp"

namespace moescope::metrics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool usable(std::span<double const> values) {
  return !values.empty() && std::none_of(values.begin(), values.end(), [](double v) { return std::isnan(v); });
}

std::vector<double> sorted(std::span<double const> values) {
  std::vector<double> result(values.begin(), values.end());
  std::sort(result.begin(), result.end());
  return result;
}

/// P(Binomial(n, 1/2) = k); by logarithms, for 2^-n leaves the range of double above n = 1074.
double fair_coin(double n, double k) {
  return std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) - n * std::log(2.0));
}

/// Largest k with P(Binomial(n, 1/2) < k) <= 2.5 %.
std::size_t order_of_bound(std::size_t n) {
  double below = 0;
  for (std::size_t k = 0;; ++k) {
    below += fair_coin(double(n), double(k));
    if (below > 0.025) return k;
  }
}

}  // namespace

double mean(std::span<double const> values) {
  return values.empty() ? nan : std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

double minimum(std::span<double const> values) { return usable(values) ? *std::min_element(values.begin(), values.end()) : nan; }

double maximum(std::span<double const> values) { return usable(values) ? *std::max_element(values.begin(), values.end()) : nan; }

double quantile(std::span<double const> values, double fraction) {
  MOESCOPE_CHECK(fraction >= 0 && fraction <= 1);
  if (!usable(values)) return nan;
  auto const order = sorted(values);
  double const position = fraction * double(order.size() - 1);
  auto const lower = std::size_t(position);
  auto const upper = std::min(lower + 1, order.size() - 1);
  return std::lerp(order[lower], order[upper], position - double(lower));
}

double median(std::span<double const> values) { return quantile(values, 0.5); }

Interval median_interval_95(std::span<double const> values) {
  if (!usable(values)) return {nan, nan};
  auto const k = order_of_bound(values.size());
  if (k == 0) return {nan, nan};
  auto const order = sorted(values);
  return {order[k - 1], order[order.size() - k]};
}

}  // namespace moescope::metrics
