#include "kernels/adamw.hpp"

#include "support/catch.hpp"
#include "support/device_arrays.hpp"

using namespace moescope;
using namespace moescope::kernels;
using moescope::test::random_vector;
using moescope::test::rounding;
using moescope::test::to_device;
using moescope::test::to_host;

TEMPLATE_TEST_CASE("three AdamW steps agree with loops", "", float, double) {
  using T = TestType;
  for (std::int64_t const size : {0, 1, 101}) {
    auto value = random_vector(size, 1), m = std::vector<double>(std::size_t(size)), v = m;
    auto const device_value = to_device<T>(value), device_m = to_device<T>(m), device_v = to_device<T>(v);
    for (std::int64_t step = 1; step <= 3; ++step) {
      auto const gradient = random_vector(size, std::uint64_t(10 + step));
      adamw<T>(ExecSpace(), {0.01, 0.9, 0.95, 1e-8, 0.1, 0.5, step}, to_device<T>(gradient), device_value, device_m, device_v);
      for (std::size_t i = 0; i < value.size(); ++i) {
        double const g = 0.5 * gradient[i];
        value[i] -= 0.01 * 0.1 * value[i];
        m[i] = 0.9 * m[i] + 0.1 * g;
        v[i] = 0.95 * v[i] + 0.05 * g * g;
        value[i] -= 0.01 * (m[i] / (1 - std::pow(0.9, step))) / (std::sqrt(v[i] / (1 - std::pow(0.95, step))) + 1e-8);
      }
    }
    auto const as_row = [&](std::vector<double> const& x) {
      reference::Matrix row(1, size);
      row.values = x;
      return row;
    };
    CHECK(relative_error(to_host(device_value), as_row(value)) < rounding<T>);
    CHECK(relative_error(to_host(device_m), as_row(m)) < rounding<T>);
    CHECK(relative_error(to_host(device_v), as_row(v)) < rounding<T>);
  }
}

TEST_CASE("the first AdamW step moves by the learning rate against the gradient's sign") {
  auto const value = to_device<double>(std::vector{1.0, 1.0}), m = to_device<double>(std::vector{0.0, 0.0}),
             v = to_device<double>(std::vector{0.0, 0.0});
  adamw<double>(ExecSpace(), {0.125, 0.9, 0.999, 1e-12, 0.0, 1.0, 1}, to_device<double>(std::vector{3.0, -0.01}), value, m, v);
  CHECK(to_host(value)(0, 0) == Approx(0.875).epsilon(1e-9));
  CHECK(to_host(value)(0, 1) == Approx(1.125).epsilon(1e-9));
}

TEMPLATE_TEST_CASE("the sum of squares agrees with a loop, in double for any storage", "", float, double) {
  for (std::int64_t const size : {0, 1, 4095, 4096, 4097, 10000}) {
    auto const x = random_vector(size, 3);
    double expected = 0;
    for (double const value : x) expected += value * value;
    CHECK(sum_of_squares<TestType>(ExecSpace(), to_device<TestType>(x)) == Approx(expected).epsilon(1e-13).margin(0));
  }
}
