#include "kernels/detail/exponential.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/catch.hpp"

using moescope::kernels::exponential;

TEMPLATE_TEST_CASE("the exponential is within one unit in the last place over its whole range", "", float, double) {
  using T = TestType;
  bool const is_double = sizeof(T) == 8;
  for (double const limit : {1.0, is_double ? 708.0 : 87.0}) {
    double worst = 0;
    for (int i = -50000; i <= 50000; ++i) {
      auto const x = T(limit * i / 50000);
      long double const exact = std::exp(static_cast<long double>(x));
      double const error = double(std::abs(exponential(x) - exact) / exact / std::numeric_limits<T>::epsilon());
      worst = std::max(worst, std::isfinite(error) ? error : 1e30);
    }
    CHECK(worst < 1);
  }
}

TEMPLATE_TEST_CASE("the exponential of zero, infinities, NaN and arguments near overflow and underflow is std::exp's", "", float,
                   double) {
  using T = TestType;
  T const infinity = std::numeric_limits<T>::infinity();
  CHECK(exponential(T(0)) == 1);
  CHECK(exponential(infinity) == infinity);
  CHECK(exponential(-infinity) == 0);
  CHECK(std::isnan(exponential(std::numeric_limits<T>::quiet_NaN())));
  CHECK(exponential(T(1e30)) == infinity);
  CHECK(exponential(T(-1e30)) == 0);
  T const edge = std::log(std::numeric_limits<T>::max());
  for (T const x : {T(0.999) * edge, T(1.001) * edge, T(-1.005) * edge, T(-1.1) * edge, T(-1.2) * edge}) {
    T const expected = std::exp(x);
    bool const is_subnormal = expected < std::numeric_limits<T>::min();
    T const margin =
        is_subnormal ? 2 * std::numeric_limits<T>::denorm_min() : T(4) * std::numeric_limits<T>::epsilon() * expected;
    CHECK((exponential(x) == expected || std::abs(exponential(x) - expected) <= margin));
  }
}
