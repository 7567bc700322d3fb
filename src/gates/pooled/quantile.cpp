#include "gates/pooled/quantile.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/error.hpp"

namespace moescope::gates {

namespace {

/// The (`place` + 1)-th largest.
double largest_but(std::vector<double>& values, std::int64_t place) {
  std::nth_element(values.begin(), values.begin() + place, values.end(), std::greater<>());
  return values[place];
}

double comparable(double score) { return std::isnan(score) ? std::numeric_limits<double>::lowest() : score; }

}  // namespace

std::vector<double> quantile_offset(std::span<double const> scores, std::span<double const> offset, std::int64_t top_k) {
  auto const experts = std::ssize(offset), tokens = std::ssize(scores) / experts;
  MOESCOPE_CHECK(tokens * experts == std::ssize(scores) && 0 < top_k && top_k <= experts);
  if (tokens == 0 || top_k == experts) return {offset.begin(), offset.end()};
  std::vector<double> threshold, row(experts), column(tokens), found;
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t e = 0; e < experts; ++e) row[e] = comparable(scores[t * experts + e] - offset[e]);
    threshold.push_back(largest_but(row, top_k));
  }
  for (std::int64_t e = 0; e < experts; ++e) {
    for (std::int64_t t = 0; t < tokens; ++t) column[t] = comparable(scores[t * experts + e] - threshold[t]);
    found.push_back(largest_but(column, tokens * top_k / experts));
  }
  return found;
}

std::vector<double> next_offset(std::span<double const> offset, std::span<double const> found, double decay) {
  MOESCOPE_CHECK(offset.size() == found.size());
  std::vector<double> next;
  double mean = 0;
  for (std::size_t e = 0; e < offset.size(); ++e) {
    next.push_back(decay * offset[e] + (1 - decay) * found[e]);
    mean += next.back() / double(offset.size());
  }
  for (double& value : next) value -= mean;
  return next;
}

}  // namespace moescope::gates
