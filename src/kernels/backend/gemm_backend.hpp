#pragma once
#include <string>

#include "kernels/gemm.hpp"

/// The only door to vendor matrix products; CMake picks one file for float and one for double that define these.
namespace moescope::kernels::backend {

/// Uses all threads of the execution space. No zero sizes reach this.
void gemm(ExecSpace const& exec, GemmArguments<float> const& arguments);
void gemm(ExecSpace const& exec, GemmArguments<double> const& arguments);
/// One product on the calling thread; safe to call from several threads of a parallel region at once.
void gemm_one_thread(GemmArguments<float> const& arguments);
void gemm_one_thread(GemmArguments<double> const& arguments);
/// Library, version and, where the library tells, the kernel it dispatches to.
std::string float_implementation();
std::string double_implementation();

}  // namespace moescope::kernels::backend
