#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/views.hpp"

namespace moescope::kernels {

enum class Transpose { no, yes };

/// X(stored, result) for each pair of types that the backends multiply: a type's products into itself and, where that is
/// another type, into its Accumulate.
#define MOESCOPE_FOR_PRODUCTS(X) \
  X(float, float)                \
  X(double, double)

/// One row-major matrix product C = alpha * op(A) op(B) + beta * C; op(A) is m x k, op(B) is k x n, ld* are row strides in
/// elements. With beta = 0 C is not read. Zero sizes are allowed (k = 0 scales C by beta). Inner terms are added in
/// Accumulate<Stored>.
template <class Stored, class Result = Stored>
struct GemmArguments {
  Transpose transpose_a, transpose_b;
  std::int64_t m, n, k;
  Accumulate<Stored> alpha;
  Stored const* a;
  std::int64_t lda;
  Stored const* b;
  std::int64_t ldb;
  Accumulate<Stored> beta;
  Result* c;
  std::int64_t ldc;
};

/// A matrix as a product reads it.
template <class T>
struct Operand {
  Transpose transpose;
  ConstMatrix<T> matrix;
};

/// c = op(a) op(b) + beta * c.
template <class T, class Result>
GemmArguments<T, Result> product(Operand<T> const& a, Operand<T> const& b, Accumulate<T> beta, Matrix<Result> const& c) {
  return {a.transpose,
          b.transpose,
          std::int64_t(c.extent(0)),
          std::int64_t(c.extent(1)),
          std::int64_t(a.matrix.extent(a.transpose == Transpose::yes ? 0 : 1)),
          1,
          a.matrix.data(),
          std::int64_t(a.matrix.stride(0)),
          b.matrix.data(),
          std::int64_t(b.matrix.stride(0)),
          beta,
          c.data(),
          std::int64_t(c.stride(0))};
}

template <class Stored, class Result>
void gemm(ExecSpace const& exec, GemmArguments<Stored, Result> const& arguments);

/// Independent products with shapes of their own, one per expert: large ones use all threads, one after the other; small ones
/// are shared out, each on one thread.
template <class Stored, class Result>
void grouped_gemm(ExecSpace const& exec, std::vector<GemmArguments<Stored, Result>> const& products);

/// Independent products, many and small (attention blocks): distributed over threads, each on one.
template <class Stored, class Result>
void batched_gemm(ExecSpace const& exec, std::vector<GemmArguments<Stored, Result>> const& products);

/// y[T,out] = x[T,in] w[out,in]^T (assigns).
template <class T, class Result>
void linear(ExecSpace const& exec, ConstMatrix<T> x, ConstMatrix<T> w, Matrix<Result> y);
/// d_x[T,in] = beta * d_x + d_y[T,out] w[out,in].
template <class T>
void linear_backward_input(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> w, Accumulate<T> beta, Matrix<T> d_x);
/// d_w[out,in] += d_y[T,out]^T x[T,in] (accumulates).
template <class T>
void linear_backward_weight(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> x, Matrix<Accumulate<T>> d_w);

/// Library and kernel actually dispatched for a typical product of this type, for the provenance ("oneDNN 2.6.3
/// brg:avx512_core").
std::string gemm_implementation(DType dtype);

/// FLOPs (2 m n k each) of every product since the last call, on this rank; what `executed` is made of.
double take_executed_gemm_flops();
/// Counts products that were not launched through this header. From the main thread.
void add_executed_gemm_flops(double flops);

}  // namespace moescope::kernels
