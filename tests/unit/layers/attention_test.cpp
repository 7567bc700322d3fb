#include "layers/attention.hpp"

#include "base/token_ids.hpp"
#include "kernels/rope.hpp"
#include "reference/transformer.hpp"
#include "support/catch.hpp"
#include "support/device_arrays.hpp"

using namespace moescope;
using moescope::test::random_matrix;
using moescope::test::rounding;
using moescope::test::to_device;
using moescope::test::to_host;

namespace {

template <class T>
reference::Matrix layer(kernels::AttentionShape const& shape, reference::Matrix const& x, reference::Matrix const& qkv,
                        reference::Matrix const& output) {
  AttentionActivations<T> activations;
  TokenIds const ids({{0, x.num_rows}});
  kernels::Rotation<T> const rotation{kernels::rope_table<T>(ExecSpace(), shape.sequence_length, shape.head_dim, 1e4),
                                      ids.on_device()};
  return to_host(attention_forward<T>(ExecSpace(), shape, rotation, to_device<T>(x), {to_device<T>(qkv), to_device<T>(output)},
                                      activations));
}

/// Rows of the query, key and value projections of the named heads, in a rank's order.
reference::Matrix select_heads(reference::Matrix const& qkv, std::int64_t head_dim, std::vector<std::int64_t> const& blocks) {
  reference::Matrix selected(0, qkv.num_columns);
  for (auto const block : blocks) {
    auto const part = rows(qkv, block * head_dim, (block + 1) * head_dim);
    selected.values.insert(selected.values.end(), part.values.begin(), part.values.end());
    selected.num_rows += head_dim;
  }
  return selected;
}

}  // namespace

TEMPLATE_TEST_CASE("the attention layer agrees with loops", "", float, double) {
  for (std::int64_t const sequences : {0, 1, 2}) {
    kernels::AttentionShape const shape{sequences, 13, 4, 2, 6, {0, 0, 1, 1}};
    auto const x = random_matrix(sequences * 13, 10, 1), qkv = random_matrix(shape.qkv_columns(), 10, 2),
               output = random_matrix(10, 24, 3);
    reference::Matrix unused;
    auto const rotated = reference::rope(multiply(x, transposed(qkv)), 6, 6, 13, 1e4, +1);
    auto const context = reference::causal_attention(rotated, 13, 4, 2, 6, shape.kv_of_head, unused);
    CHECK(relative_error(layer<TestType>(shape, x, qkv, output), multiply(context, transposed(output))) <
          10 * rounding<TestType>);
  }
}

TEST_CASE("shares of the heads add up to the whole layer, a shared KV head being replicated") {
  kernels::AttentionShape const whole{2, 7, 4, 2, 6, {0, 0, 1, 1}}, left{2, 7, 3, 2, 6, {0, 0, 1}}, right{2, 7, 1, 1, 6, {0}};
  auto const x = random_matrix(14, 10, 1), qkv = random_matrix(whole.qkv_columns(), 10, 2), output = random_matrix(10, 24, 3);
  // Blocks of the projection: queries 0-3, keys 4-5, values 6-7. The right rank holds query 3 and KV head 1.
  auto const columns = transposed(output);
  auto const of_left = layer<double>(left, x, select_heads(qkv, 6, {0, 1, 2, 4, 5, 6, 7}), transposed(rows(columns, 0, 18)));
  auto const of_right = layer<double>(right, x, select_heads(qkv, 6, {3, 5, 7}), transposed(rows(columns, 18, 24)));
  CHECK(relative_error(plus(of_left, of_right), layer<double>(whole, x, qkv, output)) < 1e-13);
}
