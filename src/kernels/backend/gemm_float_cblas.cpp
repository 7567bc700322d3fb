#include "kernels/backend/cblas.hpp"
#include "kernels/backend/gemm_backend.hpp"

namespace moescope::kernels::backend {

template <>
void gemm(ExecSpace const&, GemmArguments<float> const& arguments) {
  cblas_gemm(cblas_sgemm, arguments);
}

template <>
void gemm_one_thread(GemmArguments<float> const& arguments) {
  cblas_gemm(cblas_sgemm, arguments);
}

template <>
std::string implementation<float>() {
  return cblas_name();
}

}  // namespace moescope::kernels::backend
