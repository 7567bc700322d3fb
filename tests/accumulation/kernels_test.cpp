// Kernels over floats whose sums are double: what is added is right to the last bit of a float, however many terms there are.
#include "base/upload.hpp"
#include "kernels/adamw.hpp"
#include "kernels/attention.hpp"
#include "kernels/cross_entropy.hpp"
#include "kernels/detail/attention_parts.hpp"
#include "kernels/embedding.hpp"
#include "kernels/permute.hpp"
#include "kernels/rms_norm.hpp"
#include "layers/experts.hpp"
#include "support/catch.hpp"
#include "support/device_arrays.hpp"

using namespace moescope;
using namespace moescope::kernels;
using test::poisoned;
using test::random_matrix;
using test::random_vector;
using test::to_device;
using test::to_host;

namespace {

ExecSpace const exec() { return {}; }

/// One half of the distance between floats at 1.
constexpr double half_a_bit = 6e-8;

/// 1, then many terms that are lost one by one in a float.
reference::Matrix one_and_many(std::int64_t terms, std::int64_t columns) {
  reference::Matrix matrix(terms, columns);
  for (std::int64_t i = 0; i < terms; ++i)
    for (std::int64_t h = 0; h < columns; ++h) matrix(i, h) = i == 0 ? 1 : std::ldexp(1.0, -25);
  return matrix;
}

/// By head, key head and value head of one tensor, so that both ways can be asked.
template <class T>
struct Attention {
  AttentionShape shape{2, 300, 3, 2, 6, {0, 0, 1}};
  std::int64_t tokens = 600, width = 18;
  Matrix<T> context = poisoned<T>(tokens, width), d_qkv = poisoned<T>(tokens, shape.qkv_columns());
  Matrix<Accumulate<T>> log_sum_exp = poisoned<Accumulate<T>>(tokens, shape.num_heads);

  explicit Attention(bool batched = false) {
    auto const qkv = to_device<T>(random_matrix(tokens, shape.qkv_columns(), 3));
    auto const d_context = to_device<T>(random_matrix(tokens, width, 4));
    if (!batched) {
      causal_attention<T>(exec(), shape, qkv, context, log_sum_exp);
      causal_attention_backward<T>(exec(), shape, qkv, context, log_sum_exp, d_context, d_qkv);
    } else {
      auto const delta = to_device<Accumulate<T>>(random_matrix(tokens, shape.num_heads, 5));
      causal_attention_batched<T>(exec(), shape, qkv, context, log_sum_exp);
      causal_attention_batched_backward<T>(exec(), shape, qkv, log_sum_exp, delta, d_context, d_qkv);
    }
  }
};

}  // namespace

TEST_CASE("rows are added up in the accumulation type") {
  std::int64_t const terms = 1000, columns = 70;
  auto const y = poisoned<float>(1, columns);
  std::vector<int> positions(terms);
  for (int i = 0; i < int(terms); ++i) positions[std::size_t(i)] = i;
  sum_rows<float>(exec(), to_device<float>(one_and_many(terms, columns)),
                  upload(exec(), "test::offsets", std::vector{0, int(terms)}), upload(exec(), "test::positions", positions), y);
  for (double const sum : to_host(y).values) CHECK(sum == double(float(1 + 999 * std::ldexp(1.0, -25))));
}

TEST_CASE("gradients of embeddings are added up in the accumulation type") {
  std::int64_t const terms = 1000;
  Matrix<double> const d_table("test::d_table", 2, 3);
  embed_backward<float>(exec(), upload(exec(), "test::tokens", std::vector<int>(terms, 1)), {0, 2},
                        to_device<float>(one_and_many(terms, 3)), d_table);
  CHECK(to_host(d_table)(1, 2) == 1 + 999 * std::ldexp(1.0, -25));
}

TEST_CASE("statistics keep the accumulation type's precision") {
  std::int64_t const tokens = 3, columns = 1000;
  auto const x = random_matrix(tokens, columns, 1);
  auto const statistics = [&]<class T>(std::type_identity<T>) {
    auto const y = poisoned<T>(tokens, columns);
    auto const inverse_rms = test::poisoned_vector<Accumulate<T>>(tokens), maximum = test::poisoned_vector<Accumulate<T>>(tokens),
               sum_exp = test::poisoned_vector<Accumulate<T>>(tokens), target = test::poisoned_vector<Accumulate<T>>(tokens);
    auto const targets = upload(exec(), "test::targets", std::vector<int>(tokens, 7));
    rms_norm<T>(exec(), to_device<T>(x), to_device<T>(random_vector(columns, 2)), 1e-6, y, inverse_rms);
    cross_entropy_maximum<T>(exec(), to_device<T>(x), maximum);
    cross_entropy_partial<T>(exec(), to_device<T>(x), targets, {0, columns}, maximum, sum_exp, target);
    return std::array{to_host(inverse_rms), to_host(sum_exp)};
  };
  auto const of_float = statistics(std::type_identity<float>()), of_double = statistics(std::type_identity<double>());
  CHECK(relative_error(of_float[0], of_double[0]) < 1e-14);
  CHECK(relative_error(of_float[1], of_double[1]) < 1e-14);
}

TEST_CASE("attention over several blocks is rounded where products read and write floats, and nowhere else") {
  for (bool const batched : {false, true}) {
    Attention<float> const of_float(batched);
    Attention<double> const of_double(batched);
    CHECK(relative_error(to_host(of_float.log_sum_exp), to_host(of_double.log_sum_exp)) < 1e-14);
    CHECK(relative_error(to_host(of_float.context), to_host(of_double.context)) < 2 * half_a_bit);
    CHECK(relative_error(to_host(of_float.d_qkv), to_host(of_double.d_qkv)) < 4 * half_a_bit);
  }
}

TEST_CASE("experts weigh and differentiate in the accumulation type") {
  std::int64_t const num_rows = 5, hidden = 4, width = 3;
  auto const weight_gradients = [&]<class T>(std::type_identity<T>) {
    using A = Accumulate<T>;
    std::vector<ExpertWeights<T>> const weights{
        {to_device<T>(random_matrix(2 * width, hidden, 1)), to_device<T>(random_matrix(hidden, width, 2))}};
    std::vector<ExpertWeights<A>> const gradients{{poisoned<A>(2 * width, hidden), poisoned<A>(hidden, width)}};
    ExpertsInput<T> const input{
        to_device<T>(random_matrix(num_rows, hidden, 3)), to_device<A>(random_vector(num_rows, 4)), {0, num_rows}};
    ExpertsActivations<T> activations;
    auto const y = experts_forward<T>(exec(), input, weights, activations);
    auto const d_input = experts_backward<T>(exec(), y, input, weights, activations, ExpertGradients::assign, gradients);
    return std::array{to_host(gradients[0].gate_up), to_host(gradients[0].down), to_host(d_input.weight)};
  };
  auto const of_float = weight_gradients(std::type_identity<float>()), of_double = weight_gradients(std::type_identity<double>());
  for (std::size_t i = 0; i < of_float.size(); ++i) CHECK(relative_error(of_float[i], of_double[i]) < 1e-6);
}

TEST_CASE("AdamW rounds parameters alone") {
  AdamWStep const step{1e-3, 0.9, 0.999, 1e-8, 0, 1, 1};
  auto const value = to_device<float>(std::vector<double>{1});
  auto const gradient = to_device<double>(std::vector<double>{0.1}), first = to_device<double>(std::vector<double>{0}),
             second = to_device<double>(std::vector<double>{0});
  adamw<float>(exec(), step, gradient, value, first, second);
  CHECK(to_host(first)(0, 0) == (1 - 0.9) * 0.1);
  CHECK(to_host(second)(0, 0) == (1 - 0.999) * 0.1 * 0.1);
}
