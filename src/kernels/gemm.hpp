#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/views.hpp"

namespace moescope::kernels {

enum class Transpose { no, yes };

/// One row-major matrix product C = alpha * op(A) op(B) + beta * C; op(A) is m x k, op(B) is k x n, ld* are row strides in
/// elements. With beta = 0 C is not read. Zero sizes are allowed (k = 0 scales C by beta).
template <class T>
struct GemmArguments {
  Transpose transpose_a, transpose_b;
  std::int64_t m, n, k;
  T alpha;
  T const* a;
  std::int64_t lda;
  T const* b;
  std::int64_t ldb;
  T beta;
  T* c;
  std::int64_t ldc;
};

template <class T>
void gemm(ExecSpace const& exec, GemmArguments<T> const& arguments);

/// Independent products with shapes of their own, one per expert: large ones use all threads, one after the other; small ones
/// are shared out, each on one thread.
template <class T>
void grouped_gemm(ExecSpace const& exec, std::span<GemmArguments<T> const> products);

/// Independent products, many and small (attention blocks): distributed over threads, each on one.
template <class T>
void batched_gemm(ExecSpace const& exec, std::span<GemmArguments<T> const> products);

/// y[T,out] = x[T,in] w[out,in]^T (assigns).
template <class T>
void linear(ExecSpace const& exec, ConstMatrix<T> x, ConstMatrix<T> w, Matrix<T> y);
/// d_x[T,in] = beta * d_x + d_y[T,out] w[out,in].
template <class T>
void linear_backward_input(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> w, T beta, Matrix<T> d_x);
/// d_w[out,in] += d_y[T,out]^T x[T,in] (accumulates).
template <class T>
void linear_backward_weight(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> x, Matrix<T> d_w);

/// Library and kernel actually dispatched for a typical product, for the provenance ("oneDNN 2.6.3 brg:avx512_core").
std::string gemm_implementation(bool double_precision);

/// FLOPs (2 m n k each) of every product since the last call, on this rank; what `executed` is made of.
double take_executed_gemm_flops();
/// Counts products that were not launched through this header. From the main thread.
void add_executed_gemm_flops(double flops);

}  // namespace moescope::kernels
