#include "layers/experts.hpp"

#include <limits>

#include "kernels/gemm.hpp"
#include "reference/transformer.hpp"
#include "support/catch.hpp"
#include "support/device_arrays.hpp"

using namespace moescope;
using moescope::test::random_matrix;
using moescope::test::random_vector;
using moescope::test::rounding;
using moescope::test::to_device;
using moescope::test::to_host;

namespace {

struct Case {
  std::vector<std::int64_t> offsets, widths;
  std::vector<double> weight;
  reference::Matrix x;
  std::vector<reference::Matrix> gate_up, down;

  Case(std::vector<std::int64_t> row_offsets, std::vector<std::int64_t> expert_widths)
      : offsets(std::move(row_offsets)),
        widths(std::move(expert_widths)),
        weight(random_vector(offsets.back(), 3)),
        x(random_matrix(offsets.back(), 10, 1)) {
    for (std::size_t e = 0; e < widths.size(); ++e) {
      gate_up.push_back(random_matrix(2 * widths[e], 10, 10 + e));
      down.push_back(random_matrix(10, widths[e], 20 + e));
    }
  }

  template <class T>
  std::vector<ExpertWeights<T>> weights() const {
    std::vector<ExpertWeights<T>> result;
    for (std::size_t e = 0; e < widths.size(); ++e) result.push_back({to_device<T>(gate_up[e]), to_device<T>(down[e])});
    return result;
  }

  template <class T>
  ExpertsInput<T> input() const {
    return {to_device<T>(x), to_device<T>(weight), offsets};
  }

  reference::Matrix expected() const {
    reference::Matrix result(0, 10);
    for (std::size_t e = 0; e < widths.size(); ++e) {
      auto y = reference::expert(rows(x, offsets[e], offsets[e + 1]), gate_up[e], down[e]);
      for (std::int64_t r = 0; r < y.num_rows; ++r)
        for (std::int64_t h = 0; h < 10; ++h) y(r, h) *= weight[std::size_t(offsets[e] + r)];
      result.values.insert(result.values.end(), y.values.begin(), y.values.end());
    }
    result.num_rows = offsets.back();
    return result;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("experts of unequal widths, with and without rows, weigh their rows and agree with loops", "", float, double) {
  using T = TestType;
  for (auto const& c : {Case({0}, {}), Case({0, 0, 0}, {4, 4}), Case({0, 1}, {1}), Case({0, 5, 5, 6, 40}, {8, 3, 17, 1}),
                        Case({0, 3, 7}, {0, 5})}) {
    ExpertsActivations<T> activations;
    auto const y = experts_forward<T>(ExecSpace(), c.template input<T>(), c.template weights<T>(), activations);
    CHECK(relative_error(to_host(y), c.expected()) < 10 * rounding<T>);
  }
}

TEST_CASE("assigned gradients are those that are added to zero, whatever was there, and zero for experts without rows") {
  Case const c({0, 4, 4}, {3, 6});
  auto const weights = c.weights<double>(), assigned = c.weights<double>(), added = c.weights<double>();
  for (std::size_t e = 0; e < weights.size(); ++e) {
    for (auto const& matrix : {assigned[e].gate_up, assigned[e].down})
      Kokkos::deep_copy(matrix, std::numeric_limits<double>::quiet_NaN());
    for (auto const& matrix : {added[e].gate_up, added[e].down}) Kokkos::deep_copy(matrix, 0.0);
  }
  ExpertsActivations<double> activations;
  experts_forward<double>(ExecSpace(), c.input<double>(), weights, activations);
  auto const backward = [&](ExpertGradients how, std::vector<ExpertWeights<double>> const& gradients) {
    experts_backward<double>(ExecSpace(), to_device<double>(random_matrix(4, 10, 2)), c.input<double>(), weights, activations,
                             how, gradients);
  };
  backward(ExpertGradients::assign, assigned);
  backward(ExpertGradients::add, added);
  for (std::size_t e = 0; e < weights.size(); ++e) {
    CHECK(to_host(assigned[e].gate_up).values == to_host(added[e].gate_up).values);
    CHECK(to_host(assigned[e].down).values == to_host(added[e].down).values);
  }
}

TEST_CASE("an expert without rows costs no FLOPs, and its gradients stay as they are where others are added") {
  Case const c({0, 4, 4}, {3, 6});
  auto const weights = c.weights<double>(), gradients = c.weights<double>();  // any values to start from
  ExpertsActivations<double> activations;
  kernels::take_executed_gemm_flops();
  experts_forward<double>(ExecSpace(), c.input<double>(), weights, activations);
  CHECK(kernels::take_executed_gemm_flops() == 2 * 4 * 10 * 3 * 3);
  experts_backward<double>(ExecSpace(), to_device<double>(random_matrix(4, 10, 2)), c.input<double>(), weights, activations,
                           ExpertGradients::add, gradients);
  CHECK(kernels::take_executed_gemm_flops() == 2 * 2 * 4 * 10 * 3 * 3);
  CHECK(to_host(gradients[1].gate_up).values == c.gate_up[1].values);
  CHECK(to_host(gradients[1].down).values == c.down[1].values);
  CHECK(to_host(gradients[0].down).values != c.down[0].values);
}
