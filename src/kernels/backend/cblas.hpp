#pragma once
#include <cblas.h>

#include <string>

#include "kernels/gemm.hpp"

namespace moescope::kernels::backend {

inline CBLAS_TRANSPOSE cblas_transpose(Transpose transpose) { return transpose == Transpose::yes ? CblasTrans : CblasNoTrans; }

/// `function` is cblas_sgemm or cblas_dgemm. OpenBLAS and MKL run on one thread when called inside a parallel region.
template <class T, class Function>
void cblas_gemm(Function function, GemmArguments<T> const& g) {
  function(CblasRowMajor, cblas_transpose(g.transpose_a), cblas_transpose(g.transpose_b), int(g.m), int(g.n), int(g.k), g.alpha,
           g.a, int(g.lda), g.b, int(g.ldb), g.beta, g.c, int(g.ldc));
}

inline std::string cblas_name() {
#ifdef OPENBLAS_VERSION
  return openblas_get_config();
#else
  return "CBLAS";
#endif
}

}  // namespace moescope::kernels::backend
