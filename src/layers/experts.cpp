#include "layers/experts.hpp"

#include <type_traits>

#include "base/error.hpp"
#include "base/upload.hpp"
#include "kernels/gemm.hpp"
#include "kernels/swiglu.hpp"

namespace moescope {

namespace {

using kernels::product;
using kernels::Transpose;

/// Where each expert's part lies in what all experts share.
template <class T>
class Parts {
 public:
  Parts(std::vector<std::int64_t> const& offsets, std::vector<ExpertWeights<T>> const& weights) : offsets_(offsets) {
    MOESCOPE_CHECK(offsets.size() == weights.size() + 1);
    for (std::size_t e = 0; e < weights.size(); ++e) {
      widths_.push_back(std::int64_t(weights[e].down.extent(1)));
      begin_.push_back(begin_.back() + num_rows(e) * widths_[e]);
    }
  }

  std::int64_t num_elements() const { return begin_.back(); }
  std::int64_t num_rows(std::size_t expert) const { return offsets_[expert + 1] - offsets_[expert]; }

  template <class M>
  M rows_of(M const& all, std::size_t expert) const {
    return rows(all, offsets_[expert], offsets_[expert + 1]);
  }
  /// The expert's rows [m], or [2m] for factor 2, of a flat buffer.
  Matrix<T> wide_rows_of(Vector<T> const& flat, std::size_t expert, std::int64_t factor) const {
    return Matrix<T>(flat.data() + factor * begin_[expert], num_rows(expert), factor * widths_[expert]);
  }

  /// [R+1]
  Vector<std::int64_t> starts(ExecSpace const& exec) const {
    std::vector<std::int64_t> all{0};
    for (std::size_t e = 0; e < widths_.size(); ++e)
      for (auto row = num_rows(e); row > 0; --row) all.push_back(all.back() + widths_[e]);
    return upload(exec, "layers::experts_starts", all);
  }

  /// One product for each expert that has rows, or that `always` has one.
  template <class MakeProduct>
  void for_each_gemm(ExecSpace const& exec, MakeProduct const& make, bool always = false) const {
    std::vector<std::invoke_result_t<MakeProduct, std::size_t>> products;
    for (std::size_t e = 0; e < widths_.size(); ++e)
      if (always || num_rows(e) > 0) products.push_back(make(e));
    kernels::grouped_gemm(exec, products);
  }

 private:
  std::vector<std::int64_t> const& offsets_;
  std::vector<std::int64_t> widths_, begin_{0};
};

}  // namespace

template <class T>
Matrix<T> experts_forward(ExecSpace const& exec, ExpertsInput<T> const& input, std::vector<ExpertWeights<T>> const& weights,
                          ExpertsActivations<T>& activations) {
  auto const num_rows = std::int64_t(input.rows.extent(0));
  MOESCOPE_CHECK(input.offsets.back() == num_rows && std::int64_t(input.weight.extent(0)) == num_rows);
  Parts<T> const parts(input.offsets, weights);
  auto const gate_up = make_vector<T>("layers::experts_gate_up", 2 * parts.num_elements());
  auto const hidden = make_vector<T>("layers::experts_hidden", parts.num_elements());
  activations = {parts.starts(exec), gate_up, hidden};
  auto const y = make_matrix<T>("layers::experts_y", num_rows, std::int64_t(input.rows.extent(1)));

  parts.for_each_gemm(exec, [&](std::size_t e) {
    return product<T>({Transpose::no, parts.rows_of(input.rows, e)}, {Transpose::yes, weights[e].gate_up}, 0,
                      parts.wide_rows_of(gate_up, e, 2));
  });
  kernels::swiglu<T>(exec, activations.starts, input.weight, gate_up, hidden);
  parts.for_each_gemm(exec, [&](std::size_t e) {
    return product<T>({Transpose::no, parts.wide_rows_of(hidden, e, 1)}, {Transpose::yes, weights[e].down}, 0,
                      parts.rows_of(y, e));
  });
  return y;
}

template <class T>
ExpertsInputGradient<T> experts_backward(ExecSpace const& exec, ConstMatrix<T> d_y, ExpertsInput<T> const& input,
                                         std::vector<ExpertWeights<T>> const& weights, ExpertsActivations<T> const& activations,
                                         ExpertGradients how, std::vector<ExpertWeights<Accumulate<T>>> const& gradients) {
  auto const num_rows = std::int64_t(input.rows.extent(0));
  MOESCOPE_CHECK(input.offsets.back() == num_rows && std::int64_t(d_y.extent(0)) == num_rows);
  Parts<T> const parts(input.offsets, weights);
  bool const assigns = how == ExpertGradients::assign;
  Accumulate<T> const beta = assigns ? 0 : 1;
  auto const d_hidden = make_vector<T>("layers::experts_d_hidden", parts.num_elements());
  auto const d_gate_up = make_vector<T>("layers::experts_d_gate_up", 2 * parts.num_elements());
  ExpertsInputGradient<T> d_input{make_matrix<T>("layers::experts_d_rows", num_rows, std::int64_t(input.rows.extent(1))),
                                  make_vector<Accumulate<T>>("layers::experts_d_weight", num_rows)};

  parts.for_each_gemm(exec, [&](std::size_t e) {
    return product<T>({Transpose::no, parts.rows_of(d_y, e)}, {Transpose::no, weights[e].down}, 0,
                      parts.wide_rows_of(d_hidden, e, 1));
  });
  auto const d_down = [&](std::size_t e) {
    return product<T>({Transpose::yes, parts.rows_of(d_y, e)}, {Transpose::no, parts.wide_rows_of(activations.hidden, e, 1)},
                      beta, gradients[e].down);
  };
  parts.for_each_gemm(exec, d_down, assigns);
  kernels::swiglu_backward<T>(exec, activations.starts, input.weight, d_hidden, activations.gate_up, d_gate_up, d_input.weight);
  auto const d_gate_up_weight = [&](std::size_t e) {
    return product<T>({Transpose::yes, parts.wide_rows_of(d_gate_up, e, 2)}, {Transpose::no, parts.rows_of(input.rows, e)}, beta,
                      gradients[e].gate_up);
  };
  parts.for_each_gemm(exec, d_gate_up_weight, assigns);
  parts.for_each_gemm(exec, [&](std::size_t e) {
    return product<T>({Transpose::no, parts.wide_rows_of(d_gate_up, e, 2)}, {Transpose::no, weights[e].gate_up}, 0,
                      parts.rows_of(d_input.rows, e));
  });
  return d_input;
}

#define MOESCOPE_INSTANTIATE(T)                                                                                            \
  template Matrix<T> experts_forward<T>(ExecSpace const&, ExpertsInput<T> const&, std::vector<ExpertWeights<T>> const&,    \
                                        ExpertsActivations<T>&);                                                           \
  template ExpertsInputGradient<T> experts_backward<T>(ExecSpace const&, ConstMatrix<T>, ExpertsInput<T> const&,           \
                                                       std::vector<ExpertWeights<T>> const&, ExpertsActivations<T> const&, \
                                                       ExpertGradients, std::vector<ExpertWeights<Accumulate<T>>> const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
