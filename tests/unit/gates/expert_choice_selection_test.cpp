#include "gates/pooled/expert_choice_selection.hpp"

#include <cmath>
#include <limits>

#include "base/random.hpp"
#include "gates/pooled/places.hpp"
#include "support/catch.hpp"

using namespace moescope;

TEST_CASE("each expert takes the tokens that it has the largest affinity to, of equal ones the first") {
  std::vector<double> const affinity = {0.5, 0.1, 0.9,   //
                                        0.5, 0.4, 0.9,   //
                                        0.6, 0.3, 0.95,  //
                                        0.5, 0.2, 0.1};
  auto const choices = gates::choose_tokens(affinity, 3, 1);  // 2, 1 and 1 places
  CHECK(choices.choices.offsets == std::vector<int>{0, 1, 2, 4, 4});
  CHECK(choices.choices.expert == std::vector<int>{0, 1, 2, 0});
  CHECK(choices.lowest == std::vector<double>{0.5, 0.4, 0.95});
  auto const more = gates::choose_tokens(affinity, 3, 2);  // 3, 3 and 2
  CHECK(more.choices.offsets == std::vector<int>{0, 2, 4, 7, 8});
  CHECK(more.choices.expert == std::vector<int>{2, 0, 0, 1, 2, 0, 1, 1});
  CHECK(more.lowest == std::vector<double>{0.5, 0.2, 0.9});
}

TEST_CASE("expert choice is exactly balanced, however skewed the affinities are") {
  RandomStream const stream(1, Purpose::weight, 0, 0);
  for (std::int64_t const tokens : {1, 7, 64, 65})
    for (std::int64_t const per_token : {1, 2, 5}) {
      std::vector<double> affinity;
      for (std::int64_t t = 0; t < tokens; ++t)
        for (std::int64_t e = 0; e < 5; ++e) affinity.push_back(std::pow(stream.uniform(t, e), e == 0 ? 0.01 : 4.0));
      auto const choices = gates::choose_tokens(affinity, 5, per_token);
      std::vector<std::int64_t> counts(5);
      for (int const e : choices.choices.expert) ++counts[e];
      CAPTURE(tokens, per_token);
      REQUIRE(counts == gates::balanced_places(tokens * per_token, 5));
      REQUIRE(std::ssize(choices.choices.offsets) == tokens + 1);
    }
}

TEST_CASE("an affinity that is no number is taken last, and an empty pool has no choices") {
  double const nan = std::numeric_limits<double>::quiet_NaN();
  auto const choices = gates::choose_tokens(std::vector{nan, 0.0, -1.0, nan, nan, 0.0}, 2, 1);
  CHECK(choices.choices.expert == std::vector<int>{1, 0, 0});
  CHECK(choices.choices.offsets == std::vector<int>{0, 2, 3, 3});
  auto const none = gates::choose_tokens({}, 2, 1);
  CHECK(none.choices.offsets == std::vector<int>{0});
  CHECK(none.lowest == std::vector<double>{0, 0});
}

TEST_CASE("of tokens alike but for rounding an expert takes the first") {
  for (double const rounding : {-1e-15, 0.0, 1e-15}) {
    auto const choices = gates::choose_tokens(std::vector{0.3, 0.7, 0.3 + rounding, 0.7 - rounding}, 2, 1);
    CHECK(choices.choices.offsets == std::vector<int>{0, 2, 2});
  }
}
