#pragma once
#include <span>

/// How sure a router is of what one token is to visit.
namespace moescope::metrics {

/// Logits of all experts to their softmax, in place.
void softmax(std::span<double> logits);

/// Affinities of all experts (sigmoids, softmax, ...) to their shares of the sum, in place; all NaN where they have none: one is
/// negative, or all are 0.
void normalize(std::span<double> affinities);

/// Largest of the probabilities.
double top_probability(std::span<double const> probabilities);

/// -sum p log p in nat: log n where all are alike, 0 where one has all.
double token_entropy(std::span<double const> probabilities);

/// Least of the chosen values less the largest of the others: what another order of the experts would have cost. Below 0 where
/// something else than the largest values was chosen. NaN without a chosen or without another expert, and where it is not finite.
double margin(std::span<double const> values, std::span<int const> chosen);

/// Sums over tokens of one router, to which ranks add theirs. A token of which a number is not known is not in it.
struct ConfidenceSums {
  double tokens = 0, top_probability = 0, entropy = 0;  ///< of `tokens` tokens
  double tokens_with_margin = 0, margin = 0;

  void add(double of_top_probability, double of_entropy, double of_margin);
  void add(ConfidenceSums const& other);
  bool operator==(ConfidenceSums const&) const = default;
};

}  // namespace moescope::metrics
