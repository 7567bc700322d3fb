#include "metrics/drift.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.hpp"

namespace moescope::metrics {

double total_variation(std::span<std::int64_t const> a, std::span<std::int64_t const> b) {
  MOESCOPE_CHECK(a.size() == b.size());
  auto const of_a = double(std::accumulate(a.begin(), a.end(), std::int64_t(0)));
  auto const of_b = double(std::accumulate(b.begin(), b.end(), std::int64_t(0)));
  if (!(of_a > 0 && of_b > 0)) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(double(a[i]) / of_a - double(b[i]) / of_b);
  return sum / 2;
}

}  // namespace moescope::metrics
