#include "metrics/specialization.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"

using moescope::metrics::domain_information;
using Counts = std::vector<std::int64_t>;

TEST_CASE("domains that route alike say nothing of the expert, however uneven their loads and sizes are") {
  CHECK(domain_information(Counts{6, 1, 0, 5}, 1) == 0);
  CHECK(domain_information(Counts{6, 1, 0, 5, 60, 10, 0, 50}, 2) == Approx(0).margin(1e-15));
  CHECK(domain_information(Counts{1, 1, 1, 7, 7, 7, 3, 3, 3}, 3) == Approx(0).margin(1e-15));
  CHECK(domain_information(Counts{6, 1, 0, 5, 60, 10, 0, 50}, 2) >= 0);
}

TEST_CASE("domains that share no expert are told apart by it: log2 of their number, whatever their sizes") {
  CHECK(domain_information(Counts{9, 0, 0, 2}, 2) == Approx(1));
  CHECK(domain_information(Counts{5, 5, 0, 0, 0, 0, 1, 0}, 2) == Approx(1));
  CHECK(domain_information(Counts{1, 0, 0, 0, 2, 0, 0, 0, 3}, 3) == Approx(std::log2(3.0)));
}

TEST_CASE("two domains, two experts, by hand") {
  // p(e|d) = (3/4, 1/4), (1/4, 3/4); p(e) = 1/2: 3/4 log2(3/2) + 1/4 log2(1/2).
  auto const bits = 0.75 * std::log2(1.5) - 0.25;
  CHECK(domain_information(Counts{3, 1, 1, 3}, 2) == Approx(bits));
  CHECK(domain_information(Counts{300, 100, 1, 3}, 2) == Approx(bits));  // domains weigh alike
}

TEST_CASE("a domain without a choice, or no domain, leaves it unknown") {
  CHECK(std::isnan(domain_information(Counts{3, 1, 0, 0}, 2)));
  CHECK(std::isnan(domain_information(Counts{0, 0}, 1)));
  CHECK(std::isnan(domain_information(Counts{}, 0)));
}
