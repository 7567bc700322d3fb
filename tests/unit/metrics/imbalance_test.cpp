#include "metrics/imbalance.hpp"

#include <cmath>
#include <vector>

#include "support/catch.hpp"

using namespace moescope::metrics;
using List = std::vector<std::int64_t>;

TEST_CASE("Counts 1 2 3 4 0 by hand") {
  List const counts = {1, 2, 3, 4, 0};  // mean 2, deviations -1 0 1 2 -2, sum of pair differences 20 (each pair once)
  CHECK(max_over_mean(counts) == 2);
  CHECK(max_violation(counts) == 1);
  CHECK(cv(counts) == Approx(std::sqrt(2.0) / 2));
  CHECK(gini(counts) == Approx(0.4));
  double const entropy = -(0.1 * std::log(0.1) + 0.2 * std::log(0.2) + 0.3 * std::log(0.3) + 0.4 * std::log(0.4));
  CHECK(normalized_entropy(counts) == Approx(entropy / std::log(5.0)));
  CHECK(dead_fraction(counts) == 0.2);
}

TEST_CASE("An even spread is the best of every measure") {
  List const counts(16, 37);
  CHECK(max_over_mean(counts) == 1);
  CHECK(max_violation(counts) == 0);
  CHECK(cv(counts) == 0);
  CHECK(gini(counts) == 0);
  CHECK(normalized_entropy(counts) == Approx(1));
  CHECK(dead_fraction(counts) == 0);
}

TEST_CASE("All on one is the worst of every measure") {
  List const counts = {0, 0, 80, 0};
  CHECK(max_over_mean(counts) == 4);
  CHECK(max_violation(counts) == 3);
  CHECK(cv(counts) == Approx(std::sqrt(3.0)));
  CHECK(gini(counts) == Approx(0.75));
  CHECK(normalized_entropy(counts) == 0);
  CHECK(dead_fraction(counts) == 0.75);
}

TEST_CASE("Measures depend on shares alone, in any order") {
  List const counts = {5, 9, 0, 2, 7}, permuted = {9, 0, 7, 5, 2}, scaled = {5000, 9000, 0, 2000, 7000};
  for (auto const& measure : imbalance_measures) {
    CHECK(measure.of(permuted) == Approx(measure.of(counts)));
    CHECK(measure.of(scaled) == Approx(measure.of(counts)));
  }
}

TEST_CASE("Nothing spread has no imbalance; one expert is even") {
  List const none = {0, 0, 0}, one = {3};
  for (auto const& measure : imbalance_measures) CHECK(std::isnan(measure.of(none)));
  CHECK(max_over_mean(one) == 1);
  CHECK(gini(one) == 0);
  CHECK(normalized_entropy(one) == 1);
}

TEST_CASE("The published first layer of LLaMA-MoE 3.5B") {
  List const layer1 = {5438, 1783, 3880, 1708, 6181, 4585, 4787, 4876, 1239, 4650, 3924, 7770, 2830, 6652, 2318, 2915};
  CHECK(max_over_mean(layer1) == Approx(1.897).margin(5e-4));
  double const unbiased = cv(layer1) * cv(layer1) * 16 / 15;
  CHECK(unbiased == Approx(0.212).margin(5e-4));
}
