#include "kernels/gemm.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/region.hpp"
#include "kernels/backend/gemm_backend.hpp"
#include "kernels/detail/rows.hpp"

namespace moescope::kernels {

namespace {

double executed_flops = 0;  // of this process; products are launched from its main thread only

template <class T>
bool is_product(GemmArguments<T> const& g) {
  return g.m > 0 && g.n > 0 && g.k > 0;
}

/// The product without inner terms: C = beta * C.
template <class T>
void scale(ExecSpace const& exec, GemmArguments<T> const& g) {
  if (g.n == 0) return;
  for_each_row(
      exec, "kernels::gemm_without_inner_terms", g.m, KOKKOS_LAMBDA(Team const& team, std::int64_t i) {
        for_each_column(team, g.n, [&](std::int64_t j) {
          auto& c = g.c[i * g.ldc + j];
          c = g.beta == 0 ? T(0) : g.beta * c;
        });
      });
}

template <class T>
double flops(GemmArguments<T> const& g) {
  return 2.0 * double(g.m) * double(g.n) * double(g.k);
}

template <class T>
GemmArguments<T> product(Transpose transpose_a, Transpose transpose_b, std::int64_t k, ConstMatrix<T> a, ConstMatrix<T> b, T beta,
                         Matrix<T> c) {
  auto const stride = [](auto const& matrix) { return std::int64_t(matrix.stride(0)); };
  return {transpose_a,
          transpose_b,
          std::int64_t(c.extent(0)),
          std::int64_t(c.extent(1)),
          k,
          T(1),
          a.data(),
          stride(a),
          b.data(),
          stride(b),
          beta,
          c.data(),
          stride(c)};
}

}  // namespace

template <class T>
void gemm(ExecSpace const& exec, GemmArguments<T> const& arguments) {
  executed_flops += flops(arguments);
  is_product(arguments) ? backend::gemm(exec, arguments) : scale(exec, arguments);
}

template <class T>
void batched_gemm(ExecSpace const& exec, std::span<GemmArguments<T> const> products) {
  for (auto const& arguments : products) {
    executed_flops += flops(arguments);
    if (!is_product(arguments)) scale(exec, arguments);
  }
  if constexpr (Kokkos::SpaceAccessibility<Kokkos::HostSpace, MemSpace>::accessible) {
    using Threads = Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace, Kokkos::Schedule<Kokkos::Dynamic>>;
    Kokkos::parallel_for("kernels::batched_gemm", Threads(0, products.size()).set_chunk_size(1), [products](std::int64_t i) {
      auto const& arguments = products[std::size_t(i)];
      if (is_product(arguments)) backend::gemm_one_thread(arguments);
    });
  } else {
    for (auto const& arguments : products)
      if (is_product(arguments)) backend::gemm(exec, arguments);
  }
}

/// Threads share a product well where no side is short, and must share one that holds much of the work.
template <class T>
void grouped_gemm(ExecSpace const& exec, std::span<GemmArguments<T> const> products) {
  double total = 0;
  for (auto const& arguments : products) total += flops(arguments);
  double const much = total / (2 * double(exec.concurrency()));
  std::vector<GemmArguments<T>> small;
  for (auto const& arguments : products) {
    bool const shared = std::min({arguments.m, arguments.n, arguments.k}) >= 256 || flops(arguments) > much;
    shared ? gemm(exec, arguments) : small.push_back(arguments);
  }
  std::stable_sort(small.begin(), small.end(), [](auto const& a, auto const& b) { return flops(a) > flops(b); });
  batched_gemm<T>(exec, small);
}

template <class T>
void linear(ExecSpace const& exec, ConstMatrix<T> x, ConstMatrix<T> w, Matrix<T> y) {
  MOESCOPE_CHECK(x.extent(0) == y.extent(0) && x.extent(1) == w.extent(1) && w.extent(0) == y.extent(1));
  gemm<T>(exec, product<T>(Transpose::no, Transpose::yes, std::int64_t(x.extent(1)), x, w, T(0), y));
}

template <class T>
void linear_backward_input(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> w, T beta, Matrix<T> d_x) {
  MOESCOPE_CHECK(d_x.extent(0) == d_y.extent(0) && d_y.extent(1) == w.extent(0) && d_x.extent(1) == w.extent(1));
  gemm<T>(exec, product<T>(Transpose::no, Transpose::no, std::int64_t(d_y.extent(1)), d_y, w, beta, d_x));
}

template <class T>
void linear_backward_weight(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> x, Matrix<T> d_w) {
  MOESCOPE_CHECK(x.extent(0) == d_y.extent(0) && d_y.extent(1) == d_w.extent(0) && x.extent(1) == d_w.extent(1));
  gemm<T>(exec, product<T>(Transpose::yes, Transpose::no, std::int64_t(x.extent(0)), d_y, x, T(1), d_w));
}

std::string gemm_implementation(bool double_precision) {
  return double_precision ? backend::double_implementation() : backend::float_implementation();
}

void add_executed_gemm_flops(double flops) { executed_flops += flops; }

double take_executed_gemm_flops() { return std::exchange(executed_flops, 0.0); }

#define INSTANTIATE(T)                                                                                    \
  template void gemm<T>(ExecSpace const&, GemmArguments<T> const&);                                       \
  template void grouped_gemm<T>(ExecSpace const&, std::span<GemmArguments<T> const>);                     \
  template void batched_gemm<T>(ExecSpace const&, std::span<GemmArguments<T> const>);                     \
  template void linear<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, Matrix<T>);                   \
  template void linear_backward_input<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, T, Matrix<T>); \
  template void linear_backward_weight<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, Matrix<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace moescope::kernels
