#include "kernels/attention.hpp"

#include "kernels/detail/attention_parts.hpp"
#include "reference/transformer.hpp"
#include "support/catch.hpp"
#include "support/device_arrays.hpp"

using namespace moescope;
using namespace moescope::kernels;
using moescope::test::poisoned;
using moescope::test::random_matrix;
using moescope::test::rounding;
using moescope::test::to_device;
using moescope::test::to_host;

namespace {

struct Output {
  reference::Matrix context, log_sum_exp;
};

template <class T>
Output run(AttentionShape const& shape, reference::Matrix const& qkv) {
  auto const context = poisoned<T>(qkv.num_rows, shape.num_heads * shape.head_dim),
             log_sum_exp = poisoned<T>(qkv.num_rows, shape.num_heads);
  causal_attention<T>(ExecSpace(), shape, to_device<T>(qkv), context, log_sum_exp);
  return {to_host(context), to_host(log_sum_exp)};
}

/// A log sum exp may cancel to anything near 0; the sum itself is what must be right.
reference::Matrix exponentials(reference::Matrix matrix) {
  for (double& value : matrix.values) value = std::exp(value);
  return matrix;
}

}  // namespace

TEMPLATE_TEST_CASE("blocked attention agrees with loops at any length and sharing of KV heads", "", float, double) {
  for (std::int64_t const sequences : {0, 1, 3})
    for (std::int64_t const length : {1, 2, 127, 128, 129, 300})
      for (auto const& [num_heads, num_kv_heads, kv_of_head] :
           {std::tuple{1, 1, std::vector<std::int64_t>{0}}, {2, 2, {0, 1}}, {5, 2, {0, 0, 1, 1, 1}}}) {
        AttentionShape const shape{sequences, length, num_heads, num_kv_heads, 6, kv_of_head};
        auto const qkv = random_matrix(sequences * length, shape.qkv_columns(), 3);
        reference::Matrix log_sum_exp;
        auto const context = reference::causal_attention(qkv, length, num_heads, num_kv_heads, 6, kv_of_head, log_sum_exp);
        auto const output = run<TestType>(shape, qkv);
        INFO(sequences << " sequences of " << length << ", " << num_heads << " heads");
        CHECK(relative_error(output.context, context) < rounding<TestType>);
        CHECK(relative_error(exponentials(output.log_sum_exp), exponentials(log_sum_exp)) < 2 * rounding<TestType>);
      }
}

TEMPLATE_TEST_CASE("the batched way, which devices take, agrees with the one taken here", "", float, double) {
  for (std::int64_t const length : {1, 128, 300}) {
    AttentionShape const shape{2, length, 5, 2, 6, {0, 0, 1, 1, 1}};
    ExecSpace const exec;
    std::int64_t const tokens = 2 * length, width = shape.num_heads * shape.head_dim;
    auto const qkv = to_device<TestType>(random_matrix(tokens, shape.qkv_columns(), 3));
    auto const d_context = to_device<TestType>(random_matrix(tokens, width, 4));
    auto const context = poisoned<TestType>(tokens, width), batched_context = poisoned<TestType>(tokens, width);
    auto const log_sum_exp = poisoned<TestType>(tokens, shape.num_heads), batched = poisoned<TestType>(tokens, shape.num_heads);
    causal_attention<TestType>(exec, shape, qkv, context, log_sum_exp);
    causal_attention_batched<TestType>(exec, shape, qkv, batched_context, batched);
    CHECK(relative_error(to_host(batched_context), to_host(context)) < rounding<TestType>);
    CHECK(relative_error(exponentials(to_host(batched)), exponentials(to_host(log_sum_exp))) < 2 * rounding<TestType>);

    auto const d_qkv = poisoned<TestType>(tokens, shape.qkv_columns()),
               d_batched = poisoned<TestType>(tokens, shape.qkv_columns());
    causal_attention_backward<TestType>(exec, shape, qkv, context, log_sum_exp, d_context, d_qkv);
    auto const delta = poisoned<TestType>(tokens, shape.num_heads);
    for (std::int64_t head = 0; head < shape.num_heads; ++head) {
      for (std::int64_t t = 0; t < tokens; ++t) {
        delta(t, head) = 0;
        for (std::int64_t c = head * 6; c < (head + 1) * 6; ++c) delta(t, head) += d_context(t, c) * context(t, c);
      }
    }
    causal_attention_batched_backward<TestType>(exec, shape, qkv, log_sum_exp, delta, d_context, d_batched);
    CHECK(relative_error(to_host(d_batched), to_host(d_qkv)) < rounding<TestType>);
  }
}

TEST_CASE("later tokens and other sequences do not change a token's context") {
  AttentionShape const shape{2, 150, 1, 1, 4, {0}};
  auto const qkv = random_matrix(300, 12, 3);
  auto changed = qkv;
  for (std::int64_t t = 140; t < 150; ++t)
    for (std::int64_t h = 0; h < 12; ++h) changed(t, h) = 100 + double(t);
  auto const before = run<double>(shape, qkv).context, after = run<double>(shape, changed).context;
  CHECK(rows(before, 0, 140).values == rows(after, 0, 140).values);
  CHECK(rows(before, 150, 300).values == rows(after, 150, 300).values);
  CHECK(rows(before, 140, 150).values != rows(after, 140, 150).values);
}

TEMPLATE_TEST_CASE("attention survives scores far beyond the range of exp", "", float, double) {
  AttentionShape const shape{1, 140, 1, 1, 4, {0}};
  auto qkv = random_matrix(140, 12, 3);
  for (double& value : qkv.values) value = 100 * value;
  reference::Matrix log_sum_exp;
  auto const context = reference::causal_attention(qkv, 140, 1, 1, 4, {0}, log_sum_exp);
  auto const output = run<TestType>(shape, qkv);
  CHECK(relative_error(output.log_sum_exp, log_sum_exp) < rounding<TestType>);
  CHECK(relative_error(output.context, context) < (sizeof(TestType) == 8 ? 1e-10 : 1e-2));  // scores are good to 1e4 * rounding
}
