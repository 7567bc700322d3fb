#include "base/token_ids.hpp"
#include "base/upload.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/rope.hpp"
#include "kernels/swiglu.hpp"
#include "reference/transformer.hpp"
#include "support/catch.hpp"
#include "support/device_arrays.hpp"

using namespace moescope;
using namespace moescope::kernels;
using moescope::test::poisoned;
using moescope::test::poisoned_vector;
using moescope::test::random_matrix;
using moescope::test::random_vector;
using moescope::test::rounding;
using moescope::test::to_device;
using moescope::test::to_host;

TEMPLATE_TEST_CASE("the RMS norm agrees with loops", "", float, double) {
  using T = TestType;
  for (std::int64_t const num_tokens : {0, 1, 9})
    for (std::int64_t const width : {1, 16, 37}) {
      auto const x = random_matrix(num_tokens, width, 1);
      auto const w = random_vector(width, 2);
      auto const y = poisoned<T>(num_tokens, width);
      Vector<T> const inverse_rms("test::inverse_rms", num_tokens);
      rms_norm<T>(ExecSpace(), to_device<T>(x), to_device<T>(w), 1e-3, y, inverse_rms);
      CHECK(relative_error(to_host(y), reference::rms_norm(x, w, 1e-3)) < rounding<T>);
    }
}

TEMPLATE_TEST_CASE("SwiGLU agrees with loops for rows of unequal widths, weighs them and stays finite for large arguments", "",
                   float, double) {
  using T = TestType;
  for (auto const& widths : {std::vector<std::int64_t>{}, {13}, {16, 0, 1, 37}}) {
    std::vector<std::int64_t> starts{0};
    for (auto const width : widths) starts.push_back(starts.back() + width);
    auto const weight = random_vector(std::ssize(widths), 3);
    auto const gate_up = random_vector(2 * starts.back(), 1);
    reference::Matrix expected(1, 0);
    for (std::size_t r = 0; r < widths.size(); ++r) {
      reference::Matrix row(1, 2 * widths[r]);
      std::copy_n(gate_up.begin() + 2 * starts[r], 2 * widths[r], row.values.begin());
      for (auto const value : reference::swiglu(row).values) expected.values.push_back(weight[r] * value);
    }
    expected.num_columns = starts.back();
    auto const hidden = poisoned_vector<T>(starts.back());
    swiglu<T>(ExecSpace(), upload("test::starts", starts), to_device<T>(weight), to_device<T>(gate_up), hidden);
    CHECK(relative_error(to_host(hidden), expected) < rounding<T>);
  }
  std::vector<double> const extreme{-1e4, 1e4, 1, 1}, ones{1, 1};
  auto const starts = upload("test::starts", std::vector<std::int64_t>{0, 2});
  auto const weight = to_device<T>(std::vector{1.0});
  auto const hidden = poisoned_vector<T>(2), d_gate_up = poisoned_vector<T>(4), d_weight = poisoned_vector<T>(1);
  swiglu<T>(ExecSpace(), starts, weight, to_device<T>(extreme), hidden);
  swiglu_backward<T>(ExecSpace(), starts, weight, to_device<T>(ones), to_device<T>(extreme), d_gate_up, d_weight);
  CHECK(to_host(hidden).values == std::vector<double>{0, 1e4});
  CHECK(to_host(d_gate_up).values == std::vector<double>{0, 1, 0, 1e4});
  CHECK(to_host(d_weight).values == std::vector<double>{1e4});
}

TEMPLATE_TEST_CASE("rotary positions agree with loops, restart with each sequence and rotate back", "", float, double) {
  using T = TestType;
  for (std::int64_t const num_tokens : {0, 1, 7, 21}) {
    auto const x = random_matrix(num_tokens, 3 * 6 + 4, 1);
    auto const rotated = to_device<T>(x);
    TokenIds const ids({{-14, num_tokens - 14}});
    Rotation<T> const rotation{rope_table<T>(ExecSpace(), 7, 6, 1e4), ids.on_device()};
    rope<T>(ExecSpace(), rotation, rotated, 3, +1);
    CHECK(relative_error(to_host(rotated), reference::rope(x, 3, 6, 7, 1e4, +1)) < rounding<T>);
    rope<T>(ExecSpace(), rotation, rotated, 3, -1);
    CHECK(relative_error(to_host(rotated), x) < rounding<T>);
  }
}

TEST_CASE("rows that are several runs of tokens are turned by the positions of these") {
  auto const x = random_matrix(14, 6, 1);
  auto const all = reference::rope(x, 1, 6, 7, 1e4, +1);
  reference::Matrix own(5, 6), expected(5, 6);
  std::vector<std::int64_t> const rows{1, 2, 6, 7, 12};
  for (std::int64_t t = 0; t < 5; ++t)
    for (std::int64_t h = 0; h < 6; ++h) own(t, h) = x(rows[std::size_t(t)], h), expected(t, h) = all(rows[std::size_t(t)], h);
  auto const device = to_device<double>(own);
  TokenIds const ids({{1, 3}, {6, 8}, {12, 13}});
  rope<double>(ExecSpace(), {rope_table<double>(ExecSpace(), 7, 6, 1e4), ids.on_device()}, device, 1, +1);
  CHECK(relative_error(to_host(device), expected) < rounding<double>);
}

TEST_CASE("a rotated query and key depend on their distance only") {
  auto const row = random_matrix(1, 8, 1);
  reference::Matrix same(40, 8);
  for (std::int64_t t = 0; t < 40; ++t)
    for (std::int64_t h = 0; h < 8; ++h) same(t, h) = row(0, h);
  auto const device = to_device<double>(same);
  TokenIds const ids({{0, 40}});
  rope<double>(ExecSpace(), {rope_table<double>(ExecSpace(), 40, 8, 1e4), ids.on_device()}, device, 1, +1);
  auto const rotated = to_host(device);
  auto const dot = [&](std::int64_t a, std::int64_t b) {
    double sum = 0;
    for (std::int64_t h = 0; h < 8; ++h) sum += rotated(a, h) * rotated(b, h);
    return sum;
  };
  CHECK(dot(3, 10) == Approx(dot(31, 38)).epsilon(1e-12));
  CHECK(std::abs(dot(3, 10) - dot(3, 11)) > 1e-3);
}
