#include "metrics/confidence.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace moescope::metrics;
using Values = std::vector<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Values softmax_of(Values logits) {
  softmax(logits);
  return logits;
}
Values shares_of(Values affinities) {
  normalize(affinities);
  return affinities;
}
double margin_of(Values const& values, std::vector<int> const& chosen) { return margin(values, chosen); }

}  // namespace

TEST_CASE("logits become their softmax, however large they are") {
  auto const three = softmax_of({std::log(1.0), std::log(2.0), std::log(5.0)});
  CHECK(three[0] == Approx(0.125));
  CHECK(three[2] == Approx(0.625));
  CHECK(softmax_of({1000, 1000}) == Values{0.5, 0.5});
  CHECK(softmax_of({0, -infinity}) == Values{1, 0});
}

TEST_CASE("affinities become shares of their sum, unless they are no shares") {
  CHECK(shares_of({0.5, 0.25, 0.25, 1}) == Values{0.25, 0.125, 0.125, 0.5});
  CHECK(std::isnan(top_probability(shares_of({0, 0}))));
  CHECK(std::isnan(top_probability(shares_of({2, -1}))));
}

TEST_CASE("a router is sure of a token: top-1 probability and entropy, by hand") {
  Values const p{0.5, 0.25, 0.25, 0};
  CHECK(top_probability(p) == 0.5);
  CHECK(token_entropy(p) == Approx(0.5 * std::log(2.0) + 0.5 * std::log(4.0)));
  CHECK(token_entropy(Values{1, 0}) == 0);
  CHECK(token_entropy(Values(8, 0.125)) == Approx(std::log(8.0)));
  CHECK(std::isnan(token_entropy(shares_of({0, 0}))));
}

TEST_CASE("the margin lies between the least chosen and the best not chosen") {
  CHECK(margin_of({3, 1, 2.5, -1}, {0, 2}) == 1.5);
  CHECK(margin_of({3, 1, 2.5, -1}, {3}) == -4);  // forced, say
  CHECK(std::isnan(margin_of({3, 1}, {0, 1})));
  CHECK(std::isnan(margin_of({3, 1}, {})));
  CHECK(std::isnan(margin_of({3, -infinity}, {0})));  // no other expert was allowed
  CHECK(std::isnan(margin_of({3}, {0})));
}

TEST_CASE("sums of confidence leave out what is not known of a token, and add up over ranks") {
  auto const unknown = std::nan("");
  ConfidenceSums sums, other;
  sums.add(0.5, 1.0, unknown);
  sums.add(0.75, 0.5, 2);
  other.add(unknown, unknown, 3);
  sums.add(other);
  CHECK(sums.tokens == 2);
  CHECK(sums.top_probability == 1.25);
  CHECK(sums.entropy == 1.5);
  CHECK(sums.tokens_with_margin == 2);
  CHECK(sums.margin == 5);
}
