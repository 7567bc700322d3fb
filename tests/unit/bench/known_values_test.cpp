#include "bench/known_values.hpp"

#include <limits>

#include "support/catch.hpp"

using namespace moescope;

TEMPLATE_TEST_CASE("Only what is not the known value counts as wrong", "", float, double) {
  ExecSpace const exec;
  auto const values = make_matrix<TestType>("test::values", 1000, 1);
  bench::fill_known<TestType>(exec, values, 3);
  CHECK(bench::count_wrong<TestType>(exec, values, {0, 1, 3}) == 0);
  CHECK(bench::count_wrong<TestType>(exec, rows(values, 10, 1000), {10, 1, 3}) == 0);
  CHECK(bench::count_wrong<TestType>(exec, values, {0, 1, 4}) == 1000);
  CHECK(bench::count_wrong<TestType>(exec, values, {1, 1, 3}) == 1000);
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), values);
  host(7, 0) = std::numeric_limits<TestType>::quiet_NaN();
  host(999, 0) *= 1 + std::numeric_limits<TestType>::epsilon();
  Kokkos::deep_copy(values, host);
  CHECK(bench::count_wrong<TestType>(exec, values, {0, 1, 3}) == 2);
  bench::fill_unknown<TestType>(exec, values);
  CHECK(bench::count_wrong<TestType>(exec, values, {0, 1, 3}) == 1000);
}
