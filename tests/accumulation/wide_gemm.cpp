// All products of kernels, as plain loops: no library multiplies floats into doubles.
#include "kernels/gemm.cpp"

namespace moescope::kernels {

namespace backend {

namespace {

template <class Stored, class Result>
void multiply(GemmArguments<Stored, Result> const& g) {
  using A = Accumulate<Stored>;
  for (std::int64_t i = 0; i < g.m; ++i)
    for (std::int64_t j = 0; j < g.n; ++j) {
      A sum = 0;
      for (std::int64_t l = 0; l < g.k; ++l)
        sum += A(g.a[g.transpose_a == Transpose::yes ? l * g.lda + i : i * g.lda + l]) *
               A(g.b[g.transpose_b == Transpose::yes ? j * g.ldb + l : l * g.ldb + j]);
      auto& c = g.c[i * g.ldc + j];
      c = Result(g.alpha * sum + (g.beta == 0 ? A(0) : g.beta * A(c)));
    }
}

}  // namespace

#define MOESCOPE_DEFINE(Stored, Result)                                 \
  template <>                                                           \
  void gemm(ExecSpace const&, GemmArguments<Stored, Result> const& g) { \
    multiply(g);                                                        \
  }                                                                     \
  template <>                                                           \
  void gemm_one_thread(GemmArguments<Stored, Result> const& g) {        \
    multiply(g);                                                        \
  }
MOESCOPE_FOR_PRODUCTS(MOESCOPE_DEFINE)
MOESCOPE_DEFINE(float, double)
#undef MOESCOPE_DEFINE

#define MOESCOPE_DEFINE(T)          \
  template <>                       \
  std::string implementation<T>() { \
    return "loops";                 \
  }
MOESCOPE_FOR_SCALARS(MOESCOPE_DEFINE)
#undef MOESCOPE_DEFINE

}  // namespace backend

template void batched_gemm(ExecSpace const&, std::vector<GemmArguments<float, double>> const&);
template void grouped_gemm(ExecSpace const&, std::vector<GemmArguments<float, double>> const&);

}  // namespace moescope::kernels
