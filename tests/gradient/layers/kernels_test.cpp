#include "base/token_ids.hpp"
#include "base/upload.hpp"
#include "gradient/finite_difference.hpp"
#include "gradient/layers/flat_point.hpp"
#include "kernels/attention.hpp"
#include "kernels/cross_entropy.hpp"
#include "kernels/permute.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/rope.hpp"
#include "kernels/swiglu.hpp"
#include "reference/transformer.hpp"
#include "support/catch.hpp"
#include "support/device_arrays.hpp"

using namespace moescope;
using namespace moescope::kernels;
using namespace moescope::test;

namespace {

constexpr double tolerance = 1e-7;
ExecSpace exec() { return ExecSpace(); }

/// d <norm(x, w), d_y> by (x, w).
std::vector<double> rms_norm_gradient(reference::Matrix const& x, reference::Matrix const& w, reference::Matrix const& d_y) {
  auto const device_x = to_device<double>(x);
  auto const device_w = to_device<double>(w.values);
  auto const y = poisoned<double>(x.num_rows, x.num_columns), d_x = poisoned<double>(x.num_rows, x.num_columns);
  Vector<double> const inverse_rms("test::inverse_rms", x.num_rows), d_w("test::d_w", x.num_columns);
  rms_norm<double>(exec(), device_x, device_w, 1e-2, y, inverse_rms);
  rms_norm_backward<double>(exec(), to_device<double>(d_y), device_x, device_w, inverse_rms, 0.0, d_x, d_w);
  return flatten({to_host(d_x), to_host(d_w)});
}

}  // namespace

TEST_CASE("the RMS norm's gradient is its derivative, by input and weight") {
  for (auto const& [num_tokens, width] : {std::pair{1, 1}, {1, 9}, {70, 5}}) {
    std::vector const point{random_matrix(num_tokens, width, 1), random_matrix(1, width, 2)};
    auto const d_y = random_matrix(num_tokens, width, 3);
    auto const loss = [&](std::vector<double> const& flat) {
      auto const at = unflatten(flat, point);
      return inner(reference::rms_norm(at[0], at[1].values, 1e-2), d_y);
    };
    CHECK(gradient_error(loss, flatten(point), rms_norm_gradient(point[0], point[1], d_y)) < tolerance);
  }
}

TEST_CASE("the RMS norm's backward adds to what is there") {
  auto const x = random_matrix(3, 4, 1), d_y = random_matrix(3, 4, 2);
  auto const w = to_device<double>(random_vector(4, 3)), inverse_rms = to_device<double>(std::vector(3, 0.5));
  auto const once = to_device<double>(reference::Matrix(3, 4)), twice = to_device<double>(reference::Matrix(3, 4));
  Vector<double> const w_once("test::once", 4), w_twice("test::twice", 4);
  auto const backward = [&](Matrix<double> const& d_x, Vector<double> const& d_w) {
    rms_norm_backward<double>(exec(), to_device<double>(d_y), to_device<double>(x), w, inverse_rms, 1.0, d_x, d_w);
  };
  backward(once, w_once);
  backward(twice, w_twice);
  backward(twice, w_twice);
  CHECK(relative_error(to_host(twice), plus(to_host(once), to_host(once))) == 0);
  CHECK(relative_error(to_host(w_twice), plus(to_host(w_once), to_host(w_once))) == 0);
}

TEST_CASE("SwiGLU's gradient is its derivative, by its input and by the rows' weights, for rows of unequal widths") {
  std::vector<std::int64_t> const starts{0, 7, 14, 14, 17};
  std::vector const point{random_matrix(1, 34, 1), random_matrix(1, 4, 3)};
  auto const d_hidden = random_matrix(1, 17, 2);
  auto const flat_vector = [](reference::Matrix const& row) { return to_device<double>(row.values); };
  auto const d_gate_up = poisoned_vector<double>(34), d_weight = poisoned_vector<double>(4);
  swiglu_backward<double>(exec(), upload("test::starts", starts), flat_vector(point[1]), flat_vector(d_hidden),
                          flat_vector(point[0]), d_gate_up, d_weight);
  auto const loss = [&](std::vector<double> const& flat) {
    auto const at = unflatten(flat, point);
    double sum = 0;
    for (std::size_t r = 0; r < 4; ++r) {
      auto const begin = starts[r], width = starts[r + 1] - starts[r];
      auto const part = [&](std::vector<double> const& all, std::int64_t first, std::int64_t size) {
        reference::Matrix row(1, size);
        std::copy_n(all.begin() + first, size, row.values.begin());
        return row;
      };
      sum += at[1].values[r] *
             inner(reference::swiglu(part(at[0].values, 2 * begin, 2 * width)), part(d_hidden.values, begin, width));
    }
    return sum;
  };
  CHECK(gradient_error(loss, flatten(point), flatten({to_host(d_gate_up), to_host(d_weight)})) < tolerance);
}

TEST_CASE("rotating back is the derivative of rotating") {
  auto const x = random_matrix(11, 12, 1), d_y = random_matrix(11, 12, 2);
  auto const d_x = to_device<double>(d_y);
  TokenIds const ids({{0, 11}});
  rope<double>(exec(), {rope_table<double>(exec(), 11, 6, 100.0), ids.on_device()}, d_x, 2, -1);
  auto const loss = [&](std::vector<double> const& flat) {
    return inner(reference::rope(unflatten(flat, {x})[0], 2, 6, 11, 100.0, +1), d_y);
  };
  CHECK(gradient_error(loss, x.values, to_host(d_x).values) < tolerance);
}

TEST_CASE("cross-entropy's gradient is its derivative, and 0 for tokens that are not counted") {
  auto const logits = random_matrix(6, 9, 1);
  std::vector<int> const targets{3, ignored_label, 0, 8, ignored_label, 3};
  auto const device = to_device<double>(logits);
  auto const device_targets = to_device<int>(targets);
  Vector<double> const maximum("test::maximum", 6), sum("test::sum", 6), target("test::target", 6);
  cross_entropy_maximum<double>(exec(), device, maximum);
  cross_entropy_partial<double>(exec(), device, device_targets, {0, 9}, maximum, sum, target);
  cross_entropy_backward<double>(exec(), device_targets, {0, 9}, maximum, sum, 0.25, device);
  auto const loss = [&](std::vector<double> const& flat) {
    return 0.25 * reference::cross_entropy(unflatten(flat, {logits})[0], targets);
  };
  CHECK(gradient_error(loss, logits.values, to_host(device).values) < tolerance);
}

TEST_CASE("scaled columns' gradient is their derivative, for a vector and for a scalar") {
  for (std::int64_t const size : {1, 5}) {
    std::vector const point{random_matrix(7, 5, 1), random_matrix(1, size, 2)};
    auto const d_y = random_matrix(7, 5, 3);
    auto const d_x = poisoned<double>(7, 5);
    Vector<double> const d_scale("test::d_scale", size);
    scale_columns_backward<double>(exec(), to_device<double>(d_y), to_device<double>(point[0]),
                                   to_device<double>(point[1].values), d_x, d_scale);
    auto const loss = [&](std::vector<double> const& flat) {
      auto at = unflatten(flat, point);
      for (std::int64_t t = 0; t < 7; ++t)
        for (std::int64_t h = 0; h < 5; ++h) at[0](t, h) *= at[1](0, size == 1 ? 0 : h);
      return inner(at[0], d_y);
    };
    CHECK(gradient_error(loss, flatten(point), flatten({to_host(d_x), to_host(d_scale)})) < tolerance);
  }
}

TEST_CASE("blocked attention's gradient is its derivative, within and across blocks and with shared KV heads") {
  for (auto const& [sequences, length] : {std::pair{2, 5}, {1, 131}}) {
    AttentionShape const shape{sequences, length, 3, 2, 4, {0, 0, 1}};
    std::int64_t const num_tokens = sequences * length;
    auto const qkv = random_matrix(num_tokens, shape.qkv_columns(), 1), d_context = random_matrix(num_tokens, 12, 2);
    auto const context = poisoned<double>(num_tokens, 12), log_sum_exp = poisoned<double>(num_tokens, 3),
               d_qkv = poisoned<double>(num_tokens, shape.qkv_columns());
    causal_attention<double>(exec(), shape, to_device<double>(qkv), context, log_sum_exp);
    causal_attention_backward<double>(exec(), shape, to_device<double>(qkv), context, log_sum_exp, to_device<double>(d_context),
                                      d_qkv);
    auto const loss = [&, steps = length](std::vector<double> const& flat) {
      reference::Matrix unused;
      return inner(reference::causal_attention(unflatten(flat, {qkv})[0], steps, 3, 2, 4, shape.kv_of_head, unused), d_context);
    };
    CHECK(gradient_error(loss, qkv.values, to_host(d_qkv).values) < tolerance);
  }
}

TEST_CASE("the checker rejects damaged gradients") {
  std::vector const point{random_matrix(6, 5, 1), random_matrix(1, 5, 2)};
  auto const d_y = random_matrix(6, 5, 3);
  auto const loss = [&](std::vector<double> const& flat) {
    auto const at = unflatten(flat, point);
    return inner(reference::rms_norm(at[0], at[1].values, 1e-2), d_y);
  };
  auto const gradient = rms_norm_gradient(point[0], point[1], d_y);
  REQUIRE(gradient_error(loss, flatten(point), gradient) < tolerance);
  auto const error_of = [&](auto const& damage) {
    auto damaged = gradient;
    damage(damaged);
    return gradient_error(loss, flatten(point), damaged);
  };
  CHECK(error_of([](auto& g) { g[7] *= 1.0001; }) > tolerance);         // one element, slightly
  CHECK(error_of([](auto& g) { g.back() = 0; }) > tolerance);           // one element is missing
  CHECK(error_of([](auto& g) { std::swap(g[0], g[1]); }) > tolerance);  // two are exchanged
  CHECK(error_of([](auto& g) {
          for (double& value : g) value *= 1.00001;
        }) > tolerance);  // a wrong factor
  CHECK(error_of([](auto& g) { g[3] = std::nan(""); }) > tolerance);
  CHECK(error_of([](auto& g) { g.pop_back(); }) > tolerance);
}
