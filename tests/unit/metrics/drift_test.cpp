#include "metrics/drift.hpp"

#include <cmath>
#include <vector>

#include "support/catch.hpp"

using moescope::metrics::total_variation;
using Counts = std::vector<std::int64_t>;

TEST_CASE("the drift is the share of the choices that would have to move") {
  CHECK(total_variation(Counts{1, 1, 2}, Counts{10, 10, 20}) == 0);
  CHECK(total_variation(Counts{5, 0}, Counts{0, 7}) == 1);
  CHECK(total_variation(Counts{2, 1, 1}, Counts{1, 1, 2}) == 0.25);
}

TEST_CASE("without choices there is no drift") {
  CHECK(std::isnan(total_variation(Counts{0, 0}, Counts{1, 2})));
  CHECK(std::isnan(total_variation(Counts{1, 2}, Counts{0, 0})));
}
