#pragma once
#include <span>

/// Order statistics of repeated measurements. Every function returns NaN where any value is NaN or there is none.
namespace moescope::metrics {

double mean(std::span<double const> values);
double minimum(std::span<double const> values);
double maximum(std::span<double const> values);

/// Value at `fraction` in [0, 1] of the sorted values, linear between neighbours (Hyndman & Fan 1996, type 7; numpy's
/// default).
double quantile(std::span<double const> values, double fraction);
double median(std::span<double const> values);

/// Confidence interval of the population's median between the k-th smallest and the k-th largest value, whatever the
/// distribution: the largest k with P(Binomial(n, 1/2) < k) <= 2.5 % (Conover, "Practical Nonparametric Statistics",
/// 3.2). Both ends are NaN below n = 6, where no such k exists. Values must be independent.
struct Interval {
  double low, high;
};
Interval median_interval_95(std::span<double const> values);

}  // namespace moescope::metrics
