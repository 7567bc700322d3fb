#include "kernels/gemm.hpp"

#include <set>

#include "kernels/gemm_probe.hpp"
#include "support/catch.hpp"
#include "support/device_arrays.hpp"

using namespace moescope;
using namespace moescope::kernels;
using moescope::test::random_matrix;
using moescope::test::rounding;
using moescope::test::to_device;
using moescope::test::to_host;

namespace {

struct Case {
  bool transpose_a, transpose_b;
  std::int64_t m, n, k;
  double alpha, beta;
};

std::vector<Case> cases() {
  std::vector<Case> result;
  for (bool const a : {false, true})
    for (bool const b : {false, true})
      for (auto const& [m, n, k] : {std::array{1, 1, 1}, {3, 5, 7}, {65, 33, 130}, {0, 4, 3}, {4, 0, 3}, {4, 3, 0}, {1, 129, 17}})
        for (auto const& [alpha, beta] : {std::pair{1.0, 0.0}, {1.0, 1.0}, {-0.5, 2.0}})
          result.push_back({a, b, m, n, k, alpha, beta});
  return result;
}

/// The operands of a case, embedded in wider matrices so that strides matter; C starts as not-a-number where beta is 0.
template <class T>
struct Product {
  Case c;
  reference::Matrix a, b, start;
  Matrix<T> device_a, device_b, device_c;

  Product(Case const& wanted, std::uint64_t seed)
      : c(wanted),
        a(random_matrix(c.transpose_a ? c.k : c.m, (c.transpose_a ? c.m : c.k) + 2, seed)),
        b(random_matrix(c.transpose_b ? c.n : c.k, (c.transpose_b ? c.k : c.n) + 1, seed + 1)),
        start(random_matrix(c.m, c.n + 3, seed + 2)),
        device_a(to_device<T>(a)),
        device_b(to_device<T>(b)),
        device_c(to_device<T>(start)) {
    if (c.beta == 0) Kokkos::deep_copy(device_c, Kokkos::Experimental::quiet_NaN_v<T>);
  }

  GemmArguments<T> arguments() const {
    auto const flag = [](bool transpose) { return transpose ? Transpose::yes : Transpose::no; };
    return {flag(c.transpose_a),
            flag(c.transpose_b),
            c.m,
            c.n,
            c.k,
            T(c.alpha),
            device_a.data(),
            a.num_columns,
            device_b.data(),
            b.num_columns,
            T(c.beta),
            device_c.data(),
            start.num_columns};
  }

  double error() const {
    reference::Matrix expected(c.m, c.n), actual(c.m, c.n);
    auto const result = to_host(device_c);
    for (std::int64_t i = 0; i < c.m; ++i)
      for (std::int64_t j = 0; j < c.n; ++j) {
        double sum = 0;
        for (std::int64_t k = 0; k < c.k; ++k) sum += (c.transpose_a ? a(k, i) : a(i, k)) * (c.transpose_b ? b(j, k) : b(k, j));
        expected(i, j) = c.alpha * sum + c.beta * start(i, j);
        actual(i, j) = result(i, j);
      }
    return relative_error(actual, expected);
  }

  /// Columns beyond n belong to somebody else.
  bool neighbours_untouched() const {
    auto const result = to_host(device_c);
    for (std::int64_t i = 0; i < c.m; ++i)
      for (std::int64_t j = c.n; j < start.num_columns; ++j)
        if (c.beta == 0 ? !std::isnan(result(i, j)) : result(i, j) != start(i, j)) return false;
    return true;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("a product agrees with loops for every transposition, stride and odd size", "", float, double) {
  for (auto const& c : cases()) {
    Product<TestType> const product(c, 7);
    gemm<TestType>(ExecSpace(), product.arguments());
    INFO(c.transpose_a << c.transpose_b << " " << c.m << " " << c.n << " " << c.k << " alpha " << c.alpha << " beta " << c.beta);
    CHECK(product.error() < rounding<TestType>);
    CHECK(product.neighbours_untouched());
  }
}

TEMPLATE_TEST_CASE("grouped and batched products agree with loops, whatever their shapes", "", float, double) {
  std::vector<Product<TestType>> products;
  std::vector<GemmArguments<TestType>> arguments;
  for (auto const& c : cases()) products.emplace_back(c, products.size());
  arguments.reserve(products.size());
  for (auto const& product : products) arguments.push_back(product.arguments());
  SECTION("grouped") { grouped_gemm<TestType>(ExecSpace(), arguments); }
  SECTION("batched") { batched_gemm<TestType>(ExecSpace(), arguments); }
  for (auto const& product : products) {
    CHECK(product.error() < rounding<TestType>);
    CHECK(product.neighbours_untouched());
  }
}

TEST_CASE("executed FLOPs are 2 m n k of every product, once") {
  Product<float> const one({false, true, 3, 5, 7, 1, 0}, 1), two({false, false, 4, 2, 9, 1, 0}, 2),
      none({false, false, 4, 2, 0, 1, 0}, 3);
  std::vector const both{one.arguments(), two.arguments(), none.arguments()};
  take_executed_gemm_flops();
  gemm<float>(ExecSpace(), one.arguments());
  CHECK(take_executed_gemm_flops() == 2 * 3 * 5 * 7);
  grouped_gemm<float>(ExecSpace(), both);
  batched_gemm<float>(ExecSpace(), both);
  CHECK(take_executed_gemm_flops() == 2 * (2 * 3 * 5 * 7 + 2 * 4 * 2 * 9));
  CHECK(take_executed_gemm_flops() == 0);
}

TEMPLATE_TEST_CASE("linear and its two backward products agree with loops", "", float, double) {
  using T = TestType;
  for (std::int64_t const num_tokens : {0, 1, 67}) {
    auto const x = random_matrix(num_tokens, 19, 1), w = random_matrix(23, 19, 2), d_y = random_matrix(num_tokens, 23, 3);
    auto const start_x = random_matrix(num_tokens, 19, 4), start_w = random_matrix(23, 19, 5);
    auto const y = test::poisoned<T>(num_tokens, 23), d_x = to_device<T>(start_x), d_w = to_device<T>(start_w);
    linear<T>(ExecSpace(), to_device<T>(x), to_device<T>(w), y);
    linear_backward_input<T>(ExecSpace(), to_device<T>(d_y), to_device<T>(w), T(1), d_x);
    linear_backward_weight<T>(ExecSpace(), to_device<T>(d_y), to_device<T>(x), d_w);
    CHECK(relative_error(to_host(y), multiply(x, transposed(w))) < rounding<T>);
    CHECK(relative_error(to_host(d_x), plus(start_x, multiply(d_y, w))) < rounding<T>);
    CHECK(relative_error(to_host(d_w), plus(start_w, multiply(transposed(d_y), x))) < rounding<T>);
  }
}

TEST_CASE("the provenance names a library") {
  CHECK(!gemm_implementation(DType::float64).empty());
  CHECK(!gemm_implementation(DType::float32).empty());
}

TEST_CASE("what a rate is measured with is random") {
  auto const values = make_matrix<float>("test::random", 3, 500);
  fill_random<float>(ExecSpace(), 1, values);
  auto const host = to_host(values);
  std::set<double> const different(host.values.begin(), host.values.end());
  CHECK(different.size() > 1400);
  CHECK(*different.begin() >= -1);
  CHECK(*different.rbegin() < 1);
}
