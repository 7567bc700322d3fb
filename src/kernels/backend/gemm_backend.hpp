#pragma once
#include <string>

#include "kernels/gemm.hpp"

/// The only door to vendor matrix products; CMake picks one .cpp that defines these (gemm_onednn.cpp, gemm_cblas.cpp).
namespace moescope::kernels::backend {

/// Uses all threads of the execution space. No zero sizes reach this.
void gemm(ExecSpace const& exec, GemmArguments<float> const& arguments);
void gemm(ExecSpace const& exec, GemmArguments<double> const& arguments);
/// One product on the calling thread; safe to call from several threads at once.
void gemm_one_thread(GemmArguments<float> const& arguments);
void gemm_one_thread(GemmArguments<double> const& arguments);
std::string implementation(bool double_precision);

}  // namespace moescope::kernels::backend
