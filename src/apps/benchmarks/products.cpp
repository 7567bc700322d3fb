#include <fmt/format.h>

#include <random>

#include "apps/benchmarks/measure.hpp"
#include "apps/benchmarks/register.hpp"
#include "kernels/gemm.hpp"
#include "kernels/gemm_probe.hpp"

namespace moescope::benchmarks {

namespace {

using kernels::GemmArguments;
using kernels::Transpose;

/// The three products of a linear layer y = x w^T with weights [out, in]; the last assigns, as the first micro-step of a step
/// does.
enum class Form { forward, backward_input, backward_weight };
constexpr std::pair<Form, char const*> forms[] = {
    {Form::forward, "forward"}, {Form::backward_input, "backward_input"}, {Form::backward_weight, "backward_weight"}};

struct Operands {
  Matrix<float> x, y;         ///< [rows, in], [rows, out]; also their gradients
  Matrix<float> w, gradient;  ///< [experts * out, in]
};

Operands make_operands(std::int64_t num_rows, std::int64_t in, std::int64_t out) {
  Operands made{make_matrix<float>("benchmarks::x", num_rows, in), make_matrix<float>("benchmarks::y", num_rows, out),
                make_matrix<float>("benchmarks::w", out, in), make_matrix<float>("benchmarks::gradient", out, in)};
  std::uint64_t seed = 0;
  for (auto const& matrix : {made.x, made.y, made.w, made.gradient}) kernels::fill_random<float>(ExecSpace(), ++seed, matrix);
  return made;
}

GemmArguments<float> product(Form form, std::int64_t num_rows, std::int64_t in, std::int64_t out, float* x, float* y, float* w,
                             float* gradient) {
  switch (form) {
    case Form::forward:
      return {Transpose::no, Transpose::yes, num_rows, out, in, 1, x, in, w, in, 0, y, out};
    case Form::backward_input:
      return {Transpose::no, Transpose::no, num_rows, in, out, 1, y, out, w, in, 0, x, in};
    default:
      return {Transpose::yes, Transpose::no, out, in, num_rows, 1, y, out, x, in, 0, gradient, in};
  }
}

void gemm(benchmark::State& state, Form form, std::int64_t num_rows, std::int64_t in, std::int64_t out) {
  auto const operands = make_operands(num_rows, in, out);
  auto const arguments =
      product(form, num_rows, in, out, operands.x.data(), operands.y.data(), operands.w.data(), operands.gradient.data());
  measure(state, [&] { kernels::gemm<float>(ExecSpace(), arguments); });
  report_flops(state, 2.0 * double(num_rows) * double(in) * double(out));
}

/// Rows of each expert when every row chooses one at random.
std::vector<std::int64_t> ragged_rows(std::mt19937& random, std::int64_t num_rows, std::int64_t experts) {
  std::vector<std::int64_t> counts(std::size_t(experts), 0);
  std::uniform_int_distribution<std::size_t> expert(0, std::size_t(experts) - 1);
  for (std::int64_t i = 0; i < num_rows; ++i) ++counts[expert(random)];
  return counts;
}

struct Experts {
  char const* name;
  std::int64_t experts, in, out;
};
constexpr Experts expert_shapes[] = {{"llama_moe_3.5b_gate_up", 16, 4096, 1376},
                                     {"llama_moe_3.5b_down", 16, 688, 4096},
                                     {"fine_gate_up", 64, 1024, 512},
                                     {"fine_down", 64, 256, 1024},
                                     {"mixtral_small_gate_up", 8, 1024, 7168},
                                     {"mixtral_small_down", 8, 3584, 1024}};

/// Row counts are drawn anew in each iteration, so whatever a library prepares for a shape is prepared inside the time.
void grouped_gemm(benchmark::State& state, Form form, Experts const& shape, std::int64_t rows_each) {
  std::int64_t const experts = shape.experts, in = shape.in, out = shape.out;
  std::int64_t const num_rows = rows_each * experts;
  auto const operands = make_operands(num_rows, in, experts * out);
  auto const y = make_matrix<float>("benchmarks::y", num_rows, out);
  kernels::fill_random<float>(ExecSpace(), 5, y);
  std::mt19937 random(1);
  measure(state, [&] {
    auto const counts = ragged_rows(random, num_rows, experts);
    std::vector<GemmArguments<float>> products;
    for (std::int64_t e = 0, first = 0; e < experts; first += counts[std::size_t(e++)]) {
      products.push_back(product(form, counts[std::size_t(e)], in, out, operands.x.data() + first * in, y.data() + first * out,
                                 operands.w.data() + e * out * in, operands.gradient.data() + e * out * in));
    }
    kernels::grouped_gemm<float>(ExecSpace(), products);
  });
  report_flops(state, 2.0 * double(num_rows) * double(in) * double(out));
}

}  // namespace

void add_products() {
  for (auto const& [form, name] : forms) {
    for (std::int64_t const n : {512, 1024, 2048}) {
      add(fmt::format("gemm/{}/{}x{}x{}", name, n, n, n), 4, [=, form = form](auto& state) { gemm(state, form, n, n, n); });
    }
    for (auto const& shape : expert_shapes) {
      for (std::int64_t const rows : {16, 32, 64, 128, 256}) {
        add(fmt::format("grouped_gemm/{}/{}/rows:{}", name, shape.name, rows), 4,
            [=, form = form](auto& state) { grouped_gemm(state, form, shape, rows); });
      }
    }
  }
}

}  // namespace moescope::benchmarks
