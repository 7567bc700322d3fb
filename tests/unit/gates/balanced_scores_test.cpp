// Sinkhorn and quantile balancing, alone.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.hpp"
#include "gates/pooled/quantile.hpp"
#include "gates/pooled/sinkhorn.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

/// Normal, with two experts that nearly every token would take.
std::vector<double> skewed(std::int64_t tokens, std::int64_t experts) {
  RandomStream const stream(5, Purpose::weight, 0, 0);
  std::vector<double> logits;
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t e = 0; e < experts; ++e) logits.push_back(stream.normal(t, e) + (e < 2 ? 3.0 - double(e) : 0));
  return logits;
}

std::vector<double> column_sums(std::vector<double> const& values, std::size_t columns) {
  std::vector<double> sums(columns);
  for (std::size_t i = 0; i < values.size(); ++i) sums[i % columns] += values[i];
  return sums;
}

/// Largest number of tokens of an expert over the mean, of the top_k largest of scores - offset of each token.
double max_over_mean(std::vector<double> const& scores, std::vector<double> const& offset, std::int64_t top_k) {
  auto const experts = offset.size();
  std::vector<double> counts(experts);
  for (std::size_t row = 0; row < scores.size(); row += experts) {
    std::vector<std::size_t> order(experts);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return scores[row + a] - offset[a] > scores[row + b] - offset[b]; });
    for (std::int64_t j = 0; j < top_k; ++j) ++counts[order[j]];
  }
  double const mean = double(scores.size() / experts) * double(top_k) / double(experts);
  return *std::max_element(counts.begin(), counts.end()) / mean;
}

}  // namespace

TEST_CASE("Sinkhorn's scores are those of Megatron Core's formula, in as many iterations") {
  std::vector<double> const logits = {1.5, 0.75, 0.25, 3.25, 1.0,  1.75, 2.25, 1.25, 0.5,
                                      4.0, 1.5,  2.0,  3.0,  1.75, 0.75, 2.0,  2.0,  2.25};
  std::vector<double> const expected = {0.04125169281809863,  0.07355795152064099, 0.05185827630819039,  0.07011820627713147,
                                        0.027898247706233555, 0.06864888368816024, 0.05289000209087439,  0.07344932600026459,
                                        0.04032762495256626,  0.08754799918072666, 0.027128059732153282, 0.05198782711444031,
                                        0.0655132399906873,   0.07085486720796055, 0.03029778633746173,  0.01601218822566831,
                                        0.060444863234617396, 0.09021291408993735};
  auto const balanced = gates::sinkhorn(logits, 3, 1e-4, 100);
  CHECK(balanced.iterations == 5);
  REQUIRE(balanced.scores.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE(balanced.scores[i] == Approx(expected[i]).epsilon(1e-6));
}

TEST_CASE("Sinkhorn gives every expert the same sum of skewed scores, and every token") {
  auto const balanced = gates::sinkhorn(skewed(300, 8), 8, 1e-10, 1000);
  CHECK(balanced.iterations < 1000);
  for (double const sum : column_sums(balanced.scores, 8)) REQUIRE(sum == Approx(1.0 / 8).epsilon(1e-12));
  for (std::size_t t = 0; t < 300; ++t)
    REQUIRE(std::accumulate(balanced.scores.begin() + 8 * t, balanced.scores.begin() + 8 * (t + 1), 0.0) ==
            Approx(1.0 / 300).epsilon(1e-8));
}

TEST_CASE("Sinkhorn stops after the most iterations that it may make, and a shift of a token's logits changes nothing") {
  auto logits = skewed(20, 4);
  auto const balanced = gates::sinkhorn(logits, 4, 0, 7);
  CHECK(balanced.iterations == 7);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] += i / 4 == 3 ? 2048 : -1024;
  auto const shifted = gates::sinkhorn(logits, 4, 0, 7);
  for (std::size_t i = 0; i < logits.size(); ++i) REQUIRE(shifted.scores[i] == Approx(balanced.scores[i]).epsilon(1e-9));
}

TEST_CASE("Sinkhorn's scores are finite whatever the logits are") {
  for (auto const& logits : std::vector<std::vector<double>>{
           {not_a_number, not_a_number, not_a_number, 1}, {-infinity, infinity, 0, 0}, {-1e300, 1e300, -1e300, 1e300}, {}})
    for (double const score : gates::sinkhorn(logits, 2, 1e-4, 50).scores) REQUIRE((std::isfinite(score) && score >= 0));
}

TEST_CASE("Sinkhorn leaves a pool of one token in the order of its logits") {
  auto const alone = gates::sinkhorn(std::vector{0.5, 2.0, -1.0}, 3, 1e-4, 50);
  CHECK(alone.iterations == 0);
  CHECK((alone.scores[1] > alone.scores[0] && alone.scores[0] > alone.scores[2]));
}

TEST_CASE("the offset of an expert is the quantile that Megatron Core takes") {
  std::vector<double> const scores = {1.5, 0.75, 0.25, 3.25, 1.0,  1.75, 2.25, 1.25, 0.5,
                                      4.0, 1.5,  2.0,  3.0,  1.75, 0.75, 2.0,  2.0,  2.25};
  REQUIRE(gates::quantile_offset(scores, std::vector<double>(3), 1) == std::vector<double>{1.25, 0, 0});
  REQUIRE(gates::quantile_offset(scores, std::vector{0.5, 0.0, -0.25}, 2) == std::vector<double>{1, 0, -0.25});
}

TEST_CASE("an offset stays where every token has all experts, and where there is no token") {
  std::vector<double> const offset = {0.5, -0.25, -0.25};
  REQUIRE(gates::quantile_offset(skewed(5, 3), offset, 3) == offset);
  REQUIRE(gates::quantile_offset({}, offset, 2) == offset);
}

TEST_CASE("the next offset has the mean zero and keeps the decay's share of the last one") {
  REQUIRE(gates::next_offset(std::vector{2.0, 0.0}, std::vector{0.0, 4.0}, 0) == std::vector<double>{-2, 2});
  REQUIRE(gates::next_offset(std::vector{2.0, 0.0}, std::vector{0.0, 4.0}, 0.75) == std::vector<double>{0.25, -0.25});
}

TEST_CASE("quantile balancing balances skewed scores in a few steps") {
  auto const scores = skewed(2000, 8);
  for (std::int64_t const top_k : {1, 2, 4}) {
    std::vector<double> offset(8);
    CAPTURE(top_k);
    CHECK(max_over_mean(scores, offset, top_k) > 1.8);
    for (int step = 0; step < 30; ++step) offset = gates::next_offset(offset, gates::quantile_offset(scores, offset, top_k), 0);
    REQUIRE(max_over_mean(scores, offset, top_k) < 1.02);
  }
}

TEST_CASE("an offset is found, not a hang or a fault, where scores are no numbers") {
  REQUIRE(gates::quantile_offset(std::vector{not_a_number, not_a_number, not_a_number, 1.0}, std::vector{0.0, 0.0}, 1).size() ==
          2);
}
