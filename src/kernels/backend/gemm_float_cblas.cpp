#include "kernels/backend/cblas.hpp"
#include "kernels/backend/gemm_backend.hpp"

namespace moescope::kernels::backend {

void gemm(ExecSpace const&, GemmArguments<float> const& arguments) { cblas_gemm(cblas_sgemm, arguments); }

void gemm_one_thread(GemmArguments<float> const& arguments) { cblas_gemm(cblas_sgemm, arguments); }

std::string float_implementation() { return cblas_name(); }

}  // namespace moescope::kernels::backend
