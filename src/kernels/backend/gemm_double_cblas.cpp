#include "kernels/backend/cblas.hpp"
#include "kernels/backend/gemm_backend.hpp"

namespace moescope::kernels::backend {

void gemm(ExecSpace const&, GemmArguments<double> const& arguments) { cblas_gemm(cblas_dgemm, arguments); }

void gemm_one_thread(GemmArguments<double> const& arguments) { cblas_gemm(cblas_dgemm, arguments); }

std::string double_implementation() { return cblas_name(); }

}  // namespace moescope::kernels::backend
