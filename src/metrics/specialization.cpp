#include "metrics/specialization.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/error.hpp"

namespace moescope::metrics {
namespace {

/// p(e|d), [D,E]; NaN in a domain without a choice.
std::vector<double> shares_of_experts(std::span<std::int64_t const> counts, std::size_t experts) {
  std::vector<double> shares;
  for (std::size_t begin = 0; begin < counts.size(); begin += experts) {
    auto const domain = counts.subspan(begin, experts);
    auto const choices = double(std::accumulate(domain.begin(), domain.end(), std::int64_t{0}));
    for (auto const count : domain) shares.push_back(double(count) / choices);
  }
  return shares;
}

}  // namespace

double domain_information(std::span<std::int64_t const> counts, std::int64_t domains) {
  if (domains == 0) return std::numeric_limits<double>::quiet_NaN();
  MOESCOPE_CHECK(!counts.empty() && counts.size() % std::size_t(domains) == 0);
  auto const experts = counts.size() / std::size_t(domains);
  auto const shares = shares_of_experts(counts, experts);
  double bits = 0;
  for (std::size_t e = 0; e < experts; ++e) {
    double overall = 0;
    for (auto i = e; i < shares.size(); i += experts) overall += shares[i] / double(domains);
    for (auto i = e; i < shares.size(); i += experts)
      if (shares[i] != 0) bits += shares[i] / double(domains) * std::log2(shares[i] / overall);
  }
  return std::isnan(bits) ? bits : std::max(bits, 0.0);  // rounding may leave it below
}

}  // namespace moescope::metrics
