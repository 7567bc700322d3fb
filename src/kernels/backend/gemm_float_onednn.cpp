#include <fmt/format.h>

#include <dnnl.hpp>

#include "base/error.hpp"
#include "kernels/backend/gemm_backend.hpp"

namespace moescope::kernels::backend {

namespace {

using Arguments = GemmArguments<float>;

dnnl::engine const& cpu() {
  static dnnl::engine const engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::memory::desc matrix(std::int64_t num_rows, std::int64_t num_columns, std::int64_t stride, Transpose transpose) {
  using Strides = dnnl::memory::dims;
  return {{num_rows, num_columns},
          dnnl::memory::data_type::f32,
          transpose == Transpose::yes ? Strides{1, stride} : Strides{stride, 1}};
}

dnnl::matmul::primitive_desc describe(Arguments const& g) {
  auto const a = matrix(g.m, g.k, g.lda, g.transpose_a);
  auto const b = matrix(g.k, g.n, g.ldb, g.transpose_b);
  auto const c = matrix(g.m, g.n, g.ldc, Transpose::no);
  dnnl::primitive_attr attributes;
  if (g.beta != 0) {
    dnnl::post_ops sum;
    sum.append_sum(g.beta);
    attributes.set_post_ops(sum);
  }
#if DNNL_VERSION_MAJOR >= 3
  return {cpu(), a, b, c, attributes};
#else
  return {dnnl::matmul::desc(a, b, c), attributes, cpu()};
#endif
}

/// Creating the primitive costs about 3 us a call: oneDNN keeps a cache of them itself.
void matmul(Arguments const& g) {
  static thread_local dnnl::stream stream(cpu());
  auto const description = describe(g);
  auto const memory = [](dnnl::memory::desc const& layout, float const* data) {
    return dnnl::memory(layout, cpu(), const_cast<float*>(data));
  };
  dnnl::matmul(description)
      .execute(stream, {{DNNL_ARG_SRC, memory(description.src_desc(), g.a)},
                        {DNNL_ARG_WEIGHTS, memory(description.weights_desc(), g.b)},
                        {DNNL_ARG_DST, memory(description.dst_desc(), g.c)}});
  stream.wait();
}

/// Row-major, in spite of its name; on one thread inside a parallel region.
void sgemm(Arguments const& g) {
  auto const letter = [](Transpose transpose) { return transpose == Transpose::yes ? 'T' : 'N'; };
  auto const status = dnnl_sgemm(letter(g.transpose_a), letter(g.transpose_b), g.m, g.n, g.k, g.alpha, g.a, g.lda, g.b, g.ldb,
                                 g.beta, g.c, g.ldc);
  MOESCOPE_CHECK(status == dnnl_success);
}

/// A matmul primitive has no alpha. It is faster for x w^T, the more so the fewer rows x has; sgemm for everything else
/// (32 x 1376 x 4096 on two AVX-512 cores: 273 against 67, and 301 against 361 GFLOP/s).
bool faster_as_matmul(Arguments const& g) {
  return g.transpose_a == Transpose::no && g.transpose_b == Transpose::yes && g.alpha == 1;
}

/// On one thread only with few rows and a matrix that does not fit its cache.
bool faster_as_matmul_on_one_thread(Arguments const& g) { return faster_as_matmul(g) && g.m <= 256 && g.n * g.k >= 65536; }

}  // namespace

template <>
void gemm(ExecSpace const&, Arguments const& g) {
  faster_as_matmul(g) ? matmul(g) : sgemm(g);
}

template <>
void gemm_one_thread(Arguments const& g) {
  faster_as_matmul_on_one_thread(g) ? matmul(g) : sgemm(g);
}

template <>
std::string implementation<float>() {
  Arguments const typical{Transpose::no, Transpose::yes, 512, 512, 512, 1, nullptr, 512, nullptr, 512, 0, nullptr, 512};
  auto const* version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{} {}", version->major, version->minor, version->patch, describe(typical).impl_info_str());
}

}  // namespace moescope::kernels::backend
