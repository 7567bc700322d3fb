#include "metrics/confidence.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moescope::metrics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

void divide(std::span<double> values, double by) {
  for (auto& value : values) value /= by;
}

}  // namespace

void softmax(std::span<double> logits) {
  auto const largest = *std::max_element(logits.begin(), logits.end());
  for (auto& value : logits) value = std::exp(value - largest);
  divide(logits, std::accumulate(logits.begin(), logits.end(), 0.0));
}

void normalize(std::span<double> affinities) {
  bool const shares = std::all_of(affinities.begin(), affinities.end(), [](double value) { return value >= 0; });
  divide(affinities, shares ? std::accumulate(affinities.begin(), affinities.end(), 0.0) : nan);
}

double top_probability(std::span<double const> probabilities) {
  return *std::max_element(probabilities.begin(), probabilities.end());
}

double token_entropy(std::span<double const> probabilities) {
  double entropy = 0;
  for (auto const p : probabilities)
    if (p != 0) entropy -= p * std::log(p);
  return std::max(entropy, 0.0);
}

double margin(std::span<double const> values, std::span<int const> chosen) {
  double least = infinity, best_other = -infinity;
  for (auto const expert : chosen) least = std::min(least, values[std::size_t(expert)]);
  for (int expert = 0; expert < int(values.size()); ++expert)
    if (std::find(chosen.begin(), chosen.end(), expert) == chosen.end())
      best_other = std::max(best_other, values[std::size_t(expert)]);
  auto const difference = least - best_other;
  return std::isfinite(difference) ? difference : nan;
}

void ConfidenceSums::add(double of_top_probability, double of_entropy, double of_margin) {
  if (!std::isnan(of_top_probability)) {
    tokens += 1;
    top_probability += of_top_probability;
    entropy += of_entropy;
  }
  if (std::isnan(of_margin)) return;
  tokens_with_margin += 1;
  margin += of_margin;
}

void ConfidenceSums::add(ConfidenceSums const& other) {
  tokens += other.tokens;
  top_probability += other.top_probability;
  entropy += other.entropy;
  tokens_with_margin += other.tokens_with_margin;
  margin += other.margin;
}

}  // namespace moescope::metrics
