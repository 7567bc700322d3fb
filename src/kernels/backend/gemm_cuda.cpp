#include <cublas_v2.h>
#include <fmt/format.h>

#include <Kokkos_Core.hpp>

#include "base/error.hpp"
#include "kernels/backend/gemm_backend.hpp"

namespace moescope::kernels::backend {

namespace {

void check(cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS) throw std::runtime_error(fmt::format("cuBLAS failed: {}", cublasGetStatusString(status)));
}

/// Of this process, until Kokkos ends. Its products are added in the storage type: none is rounded to TF32.
cublasHandle_t create_handle() {
  cublasHandle_t handle = nullptr;
  check(cublasCreate(&handle));
  check(cublasSetMathMode(handle, CUBLAS_PEDANTIC_MATH));
  Kokkos::push_finalize_hook([handle] { cublasDestroy(handle); });
  return handle;
}

cublasHandle_t handle_on(ExecSpace const& exec) {
  static cublasHandle_t const handle = create_handle();
  check(cublasSetStream(handle, exec.cuda_stream()));
  return handle;
}

cublasOperation_t operation(Transpose transpose) { return transpose == Transpose::yes ? CUBLAS_OP_T : CUBLAS_OP_N; }

/// cuBLAS reads matrices by columns, so it computes C^T = op(B)^T op(A)^T. `function` is cublasSgemm_64 or cublasDgemm_64.
template <class T, class Function>
void column_major_gemm(Function function, ExecSpace const& exec, GemmArguments<T> const& g) {
  check(function(handle_on(exec), operation(g.transpose_b), operation(g.transpose_a), g.n, g.m, g.k, &g.alpha, g.b, g.ldb, g.a,
                 g.lda, &g.beta, g.c, g.ldc));
}

std::string version() {
  int major = 0, minor = 0, patch = 0;
  check(cublasGetProperty(MAJOR_VERSION, &major));
  check(cublasGetProperty(MINOR_VERSION, &minor));
  check(cublasGetProperty(PATCH_LEVEL, &patch));
  return fmt::format("cuBLAS {}.{}.{}", major, minor, patch);
}

}  // namespace

template <>
void gemm(ExecSpace const& exec, GemmArguments<float> const& arguments) {
  column_major_gemm(cublasSgemm_64, exec, arguments);
}
template <>
void gemm(ExecSpace const& exec, GemmArguments<double> const& arguments) {
  column_major_gemm(cublasDgemm_64, exec, arguments);
}

template <>
std::string implementation<float>() {
  return version();
}
template <>
std::string implementation<double>() {
  return version();
}

}  // namespace moescope::kernels::backend
