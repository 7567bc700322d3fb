#include "base/token_ids.hpp"
#include "gradient/finite_difference.hpp"
#include "gradient/layers/flat_point.hpp"
#include "kernels/rope.hpp"
#include "layers/attention.hpp"
#include "layers/experts.hpp"
#include "reference/transformer.hpp"
#include "support/catch.hpp"
#include "support/device_arrays.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

constexpr double tolerance = 1e-7;
ExecSpace exec() { return ExecSpace(); }

/// What a gradient holds before a backward pass adds to it.
reference::Matrix initial(std::int64_t num_rows, std::int64_t num_columns) { return {num_rows, num_columns, 0.5}; }

reference::Matrix added_to(Matrix<double> const& gradient) {
  auto const total = to_host(gradient);
  return plus(total, initial(total.num_rows, total.num_columns), -1);
}

}  // namespace

TEST_CASE("the attention layer's gradient is its derivative, by input and both weights") {
  kernels::AttentionShape const shape{2, 9, 3, 2, 4, {0, 1, 1}};
  std::vector const point{random_matrix(18, 5, 1), random_matrix(shape.qkv_columns(), 5, 2), random_matrix(5, 12, 3)};
  auto const d_y = random_matrix(18, 5, 4);
  auto const x = to_device<double>(point[0]);
  TokenIds const ids({{0, 18}});
  kernels::Rotation<double> const rotation{kernels::rope_table<double>(exec(), shape.sequence_length, shape.head_dim, 1e4),
                                           ids.on_device()};
  AttentionWeights<double> const weights{to_device<double>(point[1]), to_device<double>(point[2])};
  AttentionWeights<double> const gradients{to_device<double>(initial(shape.qkv_columns(), 5)), to_device<double>(initial(5, 12))};
  AttentionActivations<double> activations;
  auto const forward = [&](std::vector<double> const& flat) {
    auto const at = unflatten(flat, point);
    AttentionActivations<double> unused;
    auto const y = attention_forward<double>(exec(), shape, rotation, to_device<double>(at[0]),
                                             {to_device<double>(at[1]), to_device<double>(at[2])}, unused);
    return inner(to_host(y), d_y);
  };
  attention_forward<double>(exec(), shape, rotation, x, weights, activations);
  auto const d_x =
      attention_backward<double>(exec(), shape, rotation, to_device<double>(d_y), x, weights, activations, gradients);
  CHECK(gradient_error(forward, flatten(point), flatten({to_host(d_x), added_to(gradients.qkv), added_to(gradients.output)})) <
        tolerance);
}

TEST_CASE("the experts' gradient is its derivative for unequal widths and an expert without rows, and so is the rows' weights'") {
  std::vector<std::int64_t> const offsets{0, 4, 4, 5, 11}, widths{3, 2, 7, 1};
  std::vector<reference::Matrix> point{random_matrix(11, 5, 1), random_matrix(1, 11, 3)};
  std::vector<ExpertWeights<double>> weights, gradients;
  for (std::size_t e = 0; e < widths.size(); ++e) {
    point.push_back(random_matrix(2 * widths[e], 5, 10 + e));
    point.push_back(random_matrix(5, widths[e], 20 + e));
    weights.push_back({to_device<double>(point[2 * e + 2]), to_device<double>(point[2 * e + 3])});
    gradients.push_back({to_device<double>(initial(2 * widths[e], 5)), to_device<double>(initial(5, widths[e]))});
  }
  auto const d_y = random_matrix(11, 5, 2);
  auto const loss = [&](std::vector<double> const& flat) {
    auto const at = unflatten(flat, point);
    double sum = 0;
    for (std::size_t e = 0; e < widths.size(); ++e)
      for (auto r = offsets[e]; r < offsets[e + 1]; ++r)
        sum += at[1](0, r) * inner(reference::expert(rows(at[0], r, r + 1), at[2 * e + 2], at[2 * e + 3]), rows(d_y, r, r + 1));
    return sum;
  };
  ExpertsActivations<double> activations;
  ExpertsInput<double> const input{to_device<double>(point[0]), to_device<double>(point[1].values), offsets};
  experts_forward<double>(exec(), input, weights, activations);
  auto const d_input =
      experts_backward<double>(exec(), to_device<double>(d_y), input, weights, activations, ExpertGradients::add, gradients);
  std::vector gradient{to_host(d_input.rows), to_host(d_input.weight)};
  for (auto const& g : gradients) {
    gradient.push_back(added_to(g.gate_up));
    gradient.push_back(added_to(g.down));
  }
  CHECK(gradient_error(loss, flatten(point), flatten(gradient)) < tolerance);
}
