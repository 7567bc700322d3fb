#include "gates/pooled/sinkhorn.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"

namespace moescope::gates {

namespace {

constexpr double largest_finite = std::numeric_limits<double>::max(), smallest_sum = 1e-300;

double finite(double logit) { return std::isnan(logit) ? -largest_finite : std::clamp(logit, -largest_finite, largest_finite); }

/// exp(logits - the token's largest).
std::vector<double> exponentials(std::span<double const> logits, std::int64_t num_experts) {
  std::vector<double> values;
  for (std::size_t row = 0; row < logits.size(); row += num_experts) {
    auto const token = logits.subspan(row, num_experts);
    double largest = -largest_finite;
    for (double const logit : token) largest = std::max(largest, finite(logit));
    for (double const logit : token) values.push_back(std::exp(finite(logit) - largest));
  }
  return values;
}

/// Share / sum, where the sum may be 0.
double over(double share, double sum) { return share / std::max(sum, smallest_sum); }

}  // namespace

BalancedScores sinkhorn(std::span<double const> logits, std::int64_t num_experts, double tolerance,
                        std::int64_t most_iterations) {
  BalancedScores result{exponentials(logits, num_experts)};
  auto& c = result.scores;
  auto const tokens = std::ssize(c) / num_experts;
  MOESCOPE_CHECK(tokens * num_experts == std::ssize(c));
  std::vector<double> of_token(tokens, 1.0), of_expert(num_experts, 1.0), sums(num_experts);
  for (double change = tolerance; tokens > 1 && !(change < tolerance) && result.iterations < most_iterations;
       ++result.iterations) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (std::int64_t t = 0; t < tokens; ++t) {
      double sum = 0;
      for (std::int64_t e = 0; e < num_experts; ++e) sum += c[t * num_experts + e] * of_expert[e];
      of_token[t] = over(1.0 / double(tokens), sum);
      for (std::int64_t e = 0; e < num_experts; ++e) sums[e] += c[t * num_experts + e] * of_token[t];
    }
    change = 0;
    for (std::int64_t e = 0; e < num_experts; ++e) {
      double const next = over(1.0 / double(num_experts), sums[e]);
      change += std::abs(next - of_expert[e]) / double(num_experts);
      of_expert[e] = next;
    }
  }
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t e = 0; e < num_experts; ++e) c[t * num_experts + e] = c[t * num_experts + e] * of_expert[e] * of_token[t];
  return result;
}

}  // namespace moescope::gates
