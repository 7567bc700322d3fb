#include "layers/experts.hpp"

#include "base/error.hpp"
#include "kernels/gemm.hpp"
#include "kernels/swiglu.hpp"

namespace moescope {

namespace {

using kernels::GemmArguments;
using kernels::Transpose;

std::int64_t num_rows(std::vector<std::int64_t> const& offsets, std::size_t expert) {
  return offsets[expert + 1] - offsets[expert];
}

template <class T>
struct Operand {
  Transpose transpose;
  ConstMatrix<T> matrix;
};

/// c = op(a) op(b) + beta * c.
template <class T>
GemmArguments<T> product(Operand<T> const& a, Operand<T> const& b, T beta, Matrix<T> const& c) {
  return {a.transpose,
          b.transpose,
          std::int64_t(c.extent(0)),
          std::int64_t(c.extent(1)),
          std::int64_t(a.matrix.extent(a.transpose == Transpose::yes ? 0 : 1)),
          T(1),
          a.matrix.data(),
          std::int64_t(a.matrix.stride(0)),
          b.matrix.data(),
          std::int64_t(b.matrix.stride(0)),
          beta,
          c.data(),
          std::int64_t(c.stride(0))};
}

/// One product for each expert that has rows, or that `always` has one.
template <class T, class MakeProduct>
void for_each_expert_gemm(ExecSpace const& exec, std::vector<std::int64_t> const& offsets, MakeProduct const& make,
                          bool always = false) {
  std::vector<GemmArguments<T>> products;
  for (std::size_t e = 0; e + 1 < offsets.size(); ++e)
    if (always || num_rows(offsets, e) > 0) products.push_back(make(e));
  kernels::grouped_gemm<T>(exec, products);
}

}  // namespace

template <class T>
Matrix<T> experts_forward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<std::int64_t> const& offsets,
                          std::vector<ExpertWeights<T>> const& weights, ExpertsActivations<T>& activations) {
  MOESCOPE_CHECK(offsets.size() == weights.size() + 1 && offsets.back() == std::int64_t(x.extent(0)));
  std::size_t const num_experts = weights.size();
  activations.gate_up.resize(num_experts);
  activations.hidden.resize(num_experts);
  for (std::size_t e = 0; e < num_experts; ++e) {
    std::int64_t const width = std::int64_t(weights[e].down.extent(1));
    activations.gate_up[e] = make_matrix<T>("layers::experts_gate_up", num_rows(offsets, e), 2 * width);
    activations.hidden[e] = make_matrix<T>("layers::experts_hidden", num_rows(offsets, e), width);
  }
  auto const y = make_matrix<T>("layers::experts_y", std::int64_t(x.extent(0)), std::int64_t(x.extent(1)));
  for_each_expert_gemm<T>(exec, offsets, [&](std::size_t e) {
    return product<T>({Transpose::no, rows(x, offsets[e], offsets[e + 1])}, {Transpose::yes, weights[e].gate_up}, T(0),
                      activations.gate_up[e]);
  });
  for (std::size_t e = 0; e < num_experts; ++e) kernels::swiglu<T>(exec, activations.gate_up[e], activations.hidden[e]);
  for_each_expert_gemm<T>(exec, offsets, [&](std::size_t e) {
    return product<T>({Transpose::no, activations.hidden[e]}, {Transpose::yes, weights[e].down}, T(0),
                      rows(y, offsets[e], offsets[e + 1]));
  });
  return y;
}

template <class T>
Matrix<T> experts_backward(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> x, std::vector<std::int64_t> const& offsets,
                           std::vector<ExpertWeights<T>> const& weights, ExpertsActivations<T> const& activations,
                           ExpertGradients how, std::vector<ExpertWeights<T>> const& gradients) {
  MOESCOPE_CHECK(offsets.size() == weights.size() + 1 && offsets.back() == std::int64_t(x.extent(0)));
  std::size_t const num_experts = weights.size();
  std::vector<Matrix<T>> d_hidden(num_experts), d_gate_up(num_experts);
  for (std::size_t e = 0; e < num_experts; ++e) {
    std::int64_t const width = std::int64_t(weights[e].down.extent(1));
    d_hidden[e] = make_matrix<T>("layers::experts_d_hidden", num_rows(offsets, e), width);
    d_gate_up[e] = make_matrix<T>("layers::experts_d_gate_up", num_rows(offsets, e), 2 * width);
  }
  bool const assigns = how == ExpertGradients::assign;
  T const beta = assigns ? T(0) : T(1);
  auto const d_x = make_matrix<T>("layers::experts_d_x", std::int64_t(x.extent(0)), std::int64_t(x.extent(1)));
  auto const rows_of = [&](auto const& matrix, std::size_t e) { return rows(matrix, offsets[e], offsets[e + 1]); };

  for_each_expert_gemm<T>(exec, offsets, [&](std::size_t e) {
    return product<T>({Transpose::no, rows_of(d_y, e)}, {Transpose::no, weights[e].down}, T(0), d_hidden[e]);
  });
  auto const d_down = [&](std::size_t e) {
    return product<T>({Transpose::yes, rows_of(d_y, e)}, {Transpose::no, activations.hidden[e]}, beta, gradients[e].down);
  };
  for_each_expert_gemm<T>(exec, offsets, d_down, assigns);
  for (std::size_t e = 0; e < num_experts; ++e)
    kernels::swiglu_backward<T>(exec, d_hidden[e], activations.gate_up[e], d_gate_up[e]);
  auto const d_gate_up_weight = [&](std::size_t e) {
    return product<T>({Transpose::yes, d_gate_up[e]}, {Transpose::no, rows_of(x, e)}, beta, gradients[e].gate_up);
  };
  for_each_expert_gemm<T>(exec, offsets, d_gate_up_weight, assigns);
  for_each_expert_gemm<T>(exec, offsets, [&](std::size_t e) {
    return product<T>({Transpose::no, d_gate_up[e]}, {Transpose::no, weights[e].gate_up}, T(0), rows_of(d_x, e));
  });
  return d_x;
}

template <class T>
using Weights = std::vector<ExpertWeights<T>>;

#define INSTANTIATE(T)                                                                                                         \
  template Matrix<T> experts_forward<T>(ExecSpace const&, ConstMatrix<T>, std::vector<std::int64_t> const&, Weights<T> const&, \
                                        ExpertsActivations<T>&);                                                               \
  template Matrix<T> experts_backward<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, std::vector<std::int64_t> const&,   \
                                         Weights<T> const&, ExpertsActivations<T> const&, ExpertGradients, Weights<T> const&);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace moescope
