#pragma once
#include <string>

#include "kernels/gemm.hpp"

/// The only door to vendor matrix products; CMake picks one file for float and one for double that define these for each pair of
/// MOESCOPE_FOR_PRODUCTS.
namespace moescope::kernels::backend {

/// Uses all threads of the execution space. No zero sizes reach this.
template <class Stored, class Result>
void gemm(ExecSpace const& exec, GemmArguments<Stored, Result> const& arguments);
/// One product on the calling thread; safe to call from several threads of a parallel region at once.
template <class Stored, class Result>
void gemm_one_thread(GemmArguments<Stored, Result> const& arguments);
/// Library, version and, where the library tells, the kernel it dispatches to.
template <class Stored>
std::string implementation();

#define MOESCOPE_DECLARE(Stored, Result)                             \
  template <>                                                        \
  void gemm(ExecSpace const&, GemmArguments<Stored, Result> const&); \
  template <>                                                        \
  void gemm_one_thread(GemmArguments<Stored, Result> const& arguments);
MOESCOPE_FOR_PRODUCTS(MOESCOPE_DECLARE)
#undef MOESCOPE_DECLARE
#define MOESCOPE_DECLARE(T) \
  template <>               \
  std::string implementation<T>();
MOESCOPE_FOR_SCALARS(MOESCOPE_DECLARE)
#undef MOESCOPE_DECLARE

}  // namespace moescope::kernels::backend
