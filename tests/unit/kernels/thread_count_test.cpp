#include "kernels/adamw.hpp"
#include "kernels/attention.hpp"
#include "kernels/cross_entropy.hpp"
#include "kernels/embedding.hpp"
#include "kernels/permute.hpp"
#include "kernels/rms_norm.hpp"
#include "support/catch.hpp"
#include "support/device_arrays.hpp"

#ifdef KOKKOS_ENABLE_OPENMP
using namespace moescope;
using namespace moescope::kernels;
using moescope::test::random_matrix;
using moescope::test::random_vector;
using moescope::test::to_device;
using moescope::test::to_host;

namespace {

using Bits = std::vector<double>;

void append(Bits& bits, reference::Matrix const& matrix) { bits.insert(bits.end(), matrix.values.begin(), matrix.values.end()); }

/// Everything that sums over more than one row, in one list.
template <class T>
Bits all_sums(ExecSpace const& exec) {
  std::int64_t const num_tokens = 333, width = 37;
  auto const x = to_device<T>(random_matrix(num_tokens, width, 1)), d_y = to_device<T>(random_matrix(num_tokens, width, 2));
  auto const w = to_device<T>(random_vector(width, 3)), inverse_rms = to_device<T>(std::vector<double>(num_tokens));
  auto const y = test::poisoned<T>(num_tokens, width), table = to_device<T>(random_matrix(50, width, 4));
  Vector<T> const d_w("test::d_w", width), d_scale("test::d_scale", width), d_scalar("test::d_scalar", 1);
  std::vector<int> tokens, targets;
  for (int t = 0; t < num_tokens; ++t) {
    tokens.push_back(t * t % 53);
    targets.push_back(t % 7 == 0 ? ignored_label : t % int(width));
  }
  Bits bits;
  rms_norm<T>(exec, x, w, 1e-5, y, inverse_rms);
  rms_norm_backward<T>(exec, d_y, x, w, inverse_rms, T(0), y, d_w);
  scale_columns_backward<T>(exec, d_y, x, w, y, d_scale);
  scale_columns_backward<T>(exec, d_y, x, to_device<T>(std::vector{2.0}), y, d_scalar);
  embed_backward<T>(exec, to_device<int>(tokens), {0, 50}, d_y, table);
  for (auto const& result : {d_w, d_scale, d_scalar}) append(bits, to_host(result));
  append(bits, to_host(table));
  bits.push_back(sum_of_squares<T>(exec, to_device<T>(random_vector(20000, 5))));

  auto const maximum = inverse_rms, sum_exp = to_device<T>(std::vector<double>(num_tokens)),
             logit = to_device<T>(std::vector<double>(num_tokens));
  cross_entropy_maximum<T>(exec, x, maximum);
  cross_entropy_partial<T>(exec, x, to_device<int>(targets), {0, width}, maximum, sum_exp, logit);
  bits.push_back(cross_entropy_finish<T>(exec, to_device<int>(targets), maximum, sum_exp, logit));
  return bits;
}

template <class T>
Bits attention_bits(ExecSpace const& exec) {
  AttentionShape const shape{2, 200, 4, 2, 8, {0, 0, 1, 1}};
  auto const qkv = to_device<T>(random_matrix(400, shape.qkv_columns(), 1)), d_context = to_device<T>(random_matrix(400, 32, 2));
  auto const context = test::poisoned<T>(400, 32), log_sum_exp = test::poisoned<T>(400, 4),
             d_qkv = test::poisoned<T>(400, shape.qkv_columns());
  causal_attention<T>(exec, shape, qkv, context, log_sum_exp);
  causal_attention_backward<T>(exec, shape, qkv, context, log_sum_exp, d_context, d_qkv);
  Bits bits;
  for (auto const& result : {context, log_sum_exp, d_qkv}) append(bits, to_host(result));
  return bits;
}

}  // namespace

TEMPLATE_TEST_CASE("sums have the same bits on one, two and three threads", "", float, double) {
  auto const on_one = all_sums<TestType>(Kokkos::OpenMP(1));
  CHECK(on_one == all_sums<TestType>(Kokkos::OpenMP(2)));
  CHECK(on_one == all_sums<TestType>(Kokkos::OpenMP(3)));
}

TEMPLATE_TEST_CASE("attention and its gradient have the same bits on one, two and three threads", "", float, double) {
  auto const on_one = attention_bits<TestType>(Kokkos::OpenMP(1));
  CHECK(on_one == attention_bits<TestType>(Kokkos::OpenMP(2)));
  CHECK(on_one == attention_bits<TestType>(Kokkos::OpenMP(3)));
}
#endif
