#include "kernels/permute.hpp"

#include "support/catch.hpp"
#include "support/device_arrays.hpp"

using namespace moescope;
using namespace moescope::kernels;
using moescope::test::poisoned;
using moescope::test::random_matrix;
using moescope::test::random_vector;
using moescope::test::rounding;
using moescope::test::to_device;
using moescope::test::to_host;

TEMPLATE_TEST_CASE("gathered rows scattered to where they came from restore the matrix", "", float, double) {
  using T = TestType;
  auto const x = random_matrix(5, 7, 1);
  std::vector<int> const order{3, 0, 4, 1, 2};
  auto const gathered = poisoned<T>(5, 7), restored = poisoned<T>(5, 7);
  gather_rows<T>(ExecSpace(), to_device<T>(x), to_device<int>(order), gathered);
  scatter_rows<T>(ExecSpace(), gathered, to_device<int>(order), restored);
  CHECK(to_host(gathered)(0, 6) == x(3, 6));
  CHECK(to_host(gathered)(4, 0) == x(2, 0));
  CHECK(to_host(restored).values == x.values);
}

TEMPLATE_TEST_CASE("a row may be gathered several times, and summing the copies is the adjoint", "", float, double) {
  using T = TestType;
  auto const x = random_matrix(3, 18, 1), d = random_matrix(5, 18, 2);
  auto const gathered = poisoned<T>(5, 18), summed = poisoned<T>(3, 18);
  gather_rows<T>(ExecSpace(), to_device<T>(x), to_device<int>(std::vector{2, 0, 2, 2, 0}), gathered);
  // Row 0 was copied to 1 and 4, row 1 nowhere, row 2 to 0, 2, 3; one entry is empty.
  sum_rows<T>(ExecSpace(), to_device<T>(d), to_device<int>(std::vector{0, 3, 3, 6}),
              to_device<int>(std::vector{1, -1, 4, 0, 2, 3}), summed);
  reference::Matrix expected(3, 18);
  for (std::int64_t h = 0; h < 18; ++h) {
    expected(0, h) = d(1, h) + d(4, h);
    expected(2, h) = d(0, h) + d(2, h) + d(3, h);
  }
  CHECK(relative_error(to_host(summed), expected) < rounding<T>);
  auto const g = to_host(gathered);
  double forward = 0, backward = 0;  // <gather(x), d> = <x, sum(d)>
  for (std::size_t i = 0; i < g.values.size(); ++i) forward += g.values[i] * d.values[i];
  for (std::size_t i = 0; i < x.values.size(); ++i) backward += x.values[i] * expected.values[i];
  CHECK(forward == Approx(backward).epsilon(1e-12));
}

TEMPLATE_TEST_CASE("rows are scaled, dotted and added as loops do it", "", float, double) {
  using T = TestType;
  for (std::int64_t const num_columns : {0, 1, 15, 16, 17, 50}) {
    auto const x = random_matrix(9, num_columns, 1), y = random_matrix(9, num_columns, 2);
    reference::Matrix dots(1, 9);
    for (std::int64_t i = 0; i < 9; ++i)
      for (std::int64_t h = 0; h < num_columns; ++h) dots(0, i) += x(i, h) * y(i, h);
    auto const device_x = to_device<T>(x), device_y = to_device<T>(y);
    Vector<T> const result("test::dots", 9);
    row_dots<T>(ExecSpace(), device_x, device_y, result);
    CHECK(relative_error(to_host(result), dots) < rounding<T>);
    add<T>(ExecSpace(), T(-0.5), device_x, device_y);
    CHECK(relative_error(to_host(device_y), plus(y, x, -0.5)) < rounding<T>);
  }
}

TEMPLATE_TEST_CASE("scaling columns by a vector or by a scalar agrees with loops, forward and backward", "", float, double) {
  using T = TestType;
  for (std::int64_t const num_rows : {0, 1, 63, 64, 65, 200})
    for (std::int64_t const size : {1, 13}) {
      auto const x = random_matrix(num_rows, 13, 1), d_y = random_matrix(num_rows, 13, 2);
      auto const scale = random_vector(size, 3);
      reference::Matrix y = x, d_x = d_y, d_scale(1, size, 0.25);
      for (std::int64_t t = 0; t < num_rows; ++t)
        for (std::int64_t h = 0; h < 13; ++h) {
          std::int64_t const s = size == 1 ? 0 : h;
          y(t, h) *= scale[std::size_t(s)];
          d_x(t, h) *= scale[std::size_t(s)];
          d_scale(0, s) += d_y(t, h) * x(t, h);
        }
      auto const device_y = poisoned<T>(num_rows, 13), device_d_x = poisoned<T>(num_rows, 13);
      auto const device_d_scale = to_device<T>(std::vector<double>(std::size_t(size), 0.25));
      scale_columns<T>(ExecSpace(), to_device<T>(x), to_device<T>(scale), device_y);
      scale_columns_backward<T>(ExecSpace(), to_device<T>(d_y), to_device<T>(x), to_device<T>(scale), device_d_x, device_d_scale);
      CHECK(relative_error(to_host(device_y), y) < rounding<T>);
      CHECK(relative_error(to_host(device_d_x), d_x) < rounding<T>);
      CHECK(relative_error(to_host(device_d_scale), d_scale) < 10 * rounding<T>);
    }
}
