#include "kernels/backend/cblas.hpp"
#include "kernels/backend/gemm_backend.hpp"

namespace moescope::kernels::backend {

template <>
void gemm(ExecSpace const&, GemmArguments<double> const& arguments) {
  cblas_gemm(cblas_dgemm, arguments);
}

template <>
void gemm_one_thread(GemmArguments<double> const& arguments) {
  cblas_gemm(cblas_dgemm, arguments);
}

template <>
std::string implementation<double>() {
  return cblas_name();
}

}  // namespace moescope::kernels::backend
