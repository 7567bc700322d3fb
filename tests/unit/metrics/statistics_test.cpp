#include "metrics/statistics.hpp"

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "support/catch.hpp"

using namespace moescope::metrics;
using List = std::vector<double>;

namespace {

/// n, n - 1, ..., 1.
List descending(int n) {
  List values(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) values[std::size_t(i)] = n - i;
  return values;
}

}  // namespace

TEST_CASE("Order statistics of hand values") {
  List const values = {7, 1, 4, 10};
  CHECK(mean(values) == 5.5);
  CHECK(minimum(values) == 1);
  CHECK(maximum(values) == 10);
  CHECK(median(values) == 5.5);
  CHECK(median(List{3, 1, 2}) == 2);
  CHECK(quantile(values, 0) == 1);
  CHECK(quantile(values, 1) == 10);
  CHECK(quantile(values, 0.25) == Approx(3.25));
  CHECK(quantile(descending(101), 0.95) == Approx(96));
}

TEST_CASE("The median's interval has the tabulated ranks") {
  struct Row {
    int n, low, high;
  };
  for (auto const row : {Row{6, 1, 6}, Row{8, 1, 8}, Row{9, 2, 8}, Row{10, 2, 9}, Row{20, 6, 15}, Row{100, 40, 61}}) {
    auto const interval = median_interval_95(descending(row.n));
    CHECK(interval.low == row.low);
    CHECK(interval.high == row.high);
  }
}

TEST_CASE("Below six values there is no interval") {
  for (int n = 0; n < 6; ++n) {
    CHECK(std::isnan(median_interval_95(descending(n)).low));
    CHECK(std::isnan(median_interval_95(descending(n)).high));
  }
}

TEST_CASE("The interval of thousands of values stays close to the normal approximation") {
  auto const interval = median_interval_95(descending(10000));
  CHECK(interval.low == Approx(5000 - 0.98 * 100).margin(2));
  CHECK(interval.high == Approx(5001 + 0.98 * 100).margin(2));
}

TEST_CASE("The interval covers the true median in at least 95 of 100 samples of a skewed distribution") {
  std::mt19937 generator(7);
  int covered = 0;
  constexpr int samples = 4000;
  for (int s = 0; s < samples; ++s) {
    List values(12);
    for (auto& value : values) value = -std::log((double(generator()) + 0.5) / 4294967296.0);
    auto const interval = median_interval_95(values);
    covered += interval.low <= std::log(2.0) && std::log(2.0) <= interval.high;
  }
  CHECK(covered > 0.95 * samples);  // exact coverage at n = 12: 96.1 %
  CHECK(covered < 0.98 * samples);
}

TEST_CASE("A NaN or nothing gives NaN") {
  for (List const& values : {List{1, std::numeric_limits<double>::quiet_NaN(), 3}, List{}}) {
    CHECK(std::isnan(mean(values)));
    CHECK(std::isnan(minimum(values)));
    CHECK(std::isnan(maximum(values)));
    CHECK(std::isnan(median(values)));
    CHECK(std::isnan(median_interval_95(values).low));
  }
}
