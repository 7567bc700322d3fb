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

template <class Stored, class Result>
bool is_product(GemmArguments<Stored, Result> const& g) {
  return g.m > 0 && g.n > 0 && g.k > 0;
}

/// The product without inner terms: C = beta * C.
template <class Stored, class Result>
void scale(ExecSpace const& exec, GemmArguments<Stored, Result> const& g) {
  if (g.n == 0) return;
  for_each_row(
      exec, "kernels::gemm_without_inner_terms", g.m, KOKKOS_LAMBDA(Team const& team, std::int64_t i) {
        for_each_column(team, g.n, [&](std::int64_t j) {
          auto& c = g.c[i * g.ldc + j];
          c = g.beta == 0 ? Result(0) : Result(g.beta * Accumulate<Stored>(c));
        });
      });
}

template <class Stored, class Result>
double flops(GemmArguments<Stored, Result> const& g) {
  return 2.0 * double(g.m) * double(g.n) * double(g.k);
}

}  // namespace

template <class Stored, class Result>
void gemm(ExecSpace const& exec, GemmArguments<Stored, Result> const& arguments) {
  executed_flops += flops(arguments);
  is_product(arguments) ? backend::gemm(exec, arguments) : scale(exec, arguments);
}

template <class Stored, class Result>
void batched_gemm(ExecSpace const& exec, std::vector<GemmArguments<Stored, Result>> const& products) {
  for (auto const& arguments : products) {
    executed_flops += flops(arguments);
    if (!is_product(arguments)) scale(exec, arguments);
  }
  if constexpr (Kokkos::SpaceAccessibility<Kokkos::HostSpace, MemSpace>::accessible) {
    using Threads = Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace, Kokkos::Schedule<Kokkos::Dynamic>>;
    Kokkos::parallel_for("kernels::batched_gemm", Threads(0, products.size()).set_chunk_size(1),
                         [all = products.data()](std::int64_t i) {
                           auto const& arguments = all[i];
                           if (is_product(arguments)) backend::gemm_one_thread(arguments);
                         });
  } else {
    for (auto const& arguments : products)
      if (is_product(arguments)) backend::gemm(exec, arguments);
  }
}

/// Threads share a product well where no side is short, and must share one that holds much of the work.
template <class Stored, class Result>
void grouped_gemm(ExecSpace const& exec, std::vector<GemmArguments<Stored, Result>> const& products) {
  double total = 0;
  for (auto const& arguments : products) total += flops(arguments);
  double const much = total / (2 * double(exec.concurrency()));
  std::vector<GemmArguments<Stored, Result>> small;
  for (auto const& arguments : products) {
    bool const shared = std::min({arguments.m, arguments.n, arguments.k}) >= 256 || flops(arguments) > much;
    shared ? gemm(exec, arguments) : small.push_back(arguments);
  }
  std::stable_sort(small.begin(), small.end(), [](auto const& a, auto const& b) { return flops(a) > flops(b); });
  batched_gemm(exec, small);
}

template <class T, class Result>
void linear(ExecSpace const& exec, ConstMatrix<T> x, ConstMatrix<T> w, Matrix<Result> y) {
  MOESCOPE_CHECK(x.extent(0) == y.extent(0) && x.extent(1) == w.extent(1) && w.extent(0) == y.extent(1));
  gemm(exec, product<T>({Transpose::no, x}, {Transpose::yes, w}, 0, y));
}

template <class T>
void linear_backward_input(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> w, Accumulate<T> beta, Matrix<T> d_x) {
  MOESCOPE_CHECK(d_x.extent(0) == d_y.extent(0) && d_y.extent(1) == w.extent(0) && d_x.extent(1) == w.extent(1));
  gemm(exec, product<T>({Transpose::no, d_y}, {Transpose::no, w}, beta, d_x));
}

template <class T>
void linear_backward_weight(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> x, Matrix<Accumulate<T>> d_w) {
  MOESCOPE_CHECK(x.extent(0) == d_y.extent(0) && d_y.extent(1) == d_w.extent(0) && x.extent(1) == d_w.extent(1));
  gemm(exec, product<T>({Transpose::yes, d_y}, {Transpose::no, x}, 1, d_w));
}

std::string gemm_implementation(DType dtype) {
  return with_scalar(dtype, []<class T>(std::type_identity<T>) { return backend::implementation<T>(); });
}

void add_executed_gemm_flops(double flops) { executed_flops += flops; }

double take_executed_gemm_flops() { return std::exchange(executed_flops, 0.0); }

#define MOESCOPE_INSTANTIATE(Stored, Result)                                                                       \
  template void gemm<Stored, Result>(ExecSpace const&, GemmArguments<Stored, Result> const&);                      \
  template void grouped_gemm<Stored, Result>(ExecSpace const&, std::vector<GemmArguments<Stored, Result>> const&); \
  template void batched_gemm<Stored, Result>(ExecSpace const&, std::vector<GemmArguments<Stored, Result>> const&); \
  template void linear<Stored, Result>(ExecSpace const&, ConstMatrix<Stored>, ConstMatrix<Stored>, Matrix<Result>);
MOESCOPE_FOR_PRODUCTS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

#define MOESCOPE_INSTANTIATE(T)                                                                                       \
  template void linear_backward_input<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, Accumulate<T>, Matrix<T>); \
  template void linear_backward_weight<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, Matrix<Accumulate<T>>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::kernels
