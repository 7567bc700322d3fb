#include "gates/gate_network.hpp"

#include "base/error.hpp"
#include "base/scalar.hpp"
#include "config/gate_kinds.hpp"
#include "kernels/gemm.hpp"
#include "kernels/rounding.hpp"

namespace moescope::gates {

template <class T>
void apply_tanh(ExecSpace const& exec, Matrix<T> values) {
  auto const columns = std::int64_t(values.extent(1));
  Kokkos::parallel_for(
      "gates::tanh", Kokkos::RangePolicy<ExecSpace>(exec, 0, values.size()), KOKKOS_LAMBDA(std::int64_t i) {
        T& value = values(i / columns, i % columns);
        value = T(Kokkos::tanh(Accumulate<T>(value)));
      });
}

/// d_hidden *= 1 - hidden^2
template <class T>
void multiply_tanh_derivative(ExecSpace const& exec, ConstMatrix<T> hidden, Matrix<T> d_hidden) {
  auto const columns = std::int64_t(hidden.extent(1));
  Kokkos::parallel_for(
      "gates::tanh_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, hidden.size()), KOKKOS_LAMBDA(std::int64_t i) {
        auto const h = Accumulate<T>(hidden(i / columns, i % columns));
        T& d = d_hidden(i / columns, i % columns);
        d = T(Accumulate<T>(d) * (1 - h * h));
      });
}

/// logits [tokens,E] += bias [1,E] in every row.
template <class T>
void add_bias(ExecSpace const& exec, ConstMatrix<T> bias, Matrix<Accumulate<T>> logits) {
  auto const columns = std::int64_t(logits.extent(1));
  Kokkos::parallel_for(
      "gates::add_bias", Kokkos::RangePolicy<ExecSpace>(exec, 0, logits.size()),
      KOKKOS_LAMBDA(std::int64_t i) { logits(i / columns, i % columns) += Accumulate<T>(bias(0, i % columns)); });
}

/// sums [1,E] += column sums of d_logits [tokens,E], in token order.
template <class T>
void add_column_sums(ExecSpace const& exec, ConstMatrix<Accumulate<T>> d_logits, Matrix<Accumulate<T>> sums) {
  Kokkos::parallel_for(
      "gates::add_column_sums", Kokkos::RangePolicy<ExecSpace>(exec, 0, d_logits.extent(1)), KOKKOS_LAMBDA(std::int64_t e) {
        Accumulate<T> sum = 0;
        for (std::int64_t t = 0; t < std::int64_t(d_logits.extent(0)); ++t) sum += d_logits(t, e);
        sums(0, e) += sum;
      });
}

template <class T>
GateNetwork<T>::GateNetwork(ModelConfig const& model)
    : hidden_size_(model.hidden_size),
      num_experts_(model.num_experts),
      mlp_(gate_network(model) == "mlp"),
      has_bias_(gate_network(model) == "linear_bias") {
  MOESCOPE_CHECK(mlp_ || has_bias_ || gate_network(model) == "linear");
}

template <class T>
auto GateNetwork<T>::forward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters) const
    -> Activations {
  auto const tokens = std::int64_t(x.extent(0));
  Activations result;
  result.logits = make_matrix<Accumulate<T>>("gates::logits", tokens, num_experts_);
  if (!mlp_) {
    kernels::linear<T>(exec, x, parameters[0], result.logits);
    if (has_bias_) add_bias<T>(exec, parameters[1], result.logits);
    return result;
  }
  result.hidden = make_matrix<T>("gates::hidden", tokens, num_experts_);
  kernels::linear<T>(exec, x, parameters[0], result.hidden);
  apply_tanh<T>(exec, result.hidden);
  kernels::linear<T>(exec, result.hidden, parameters[1], result.logits);
  return result;
}

template <class T>
void GateNetwork<T>::backward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters,
                              Activations const& activations, Matrix<Accumulate<T>> d_logits, Matrix<T> d_x,
                              std::vector<Matrix<Accumulate<T>>> const& gradients) const {
  auto const d_last = kernels::rounded<T>(exec, d_logits);
  auto d_first = d_last;
  if (has_bias_) add_column_sums<T>(exec, d_logits, gradients[1]);
  if (mlp_) {
    auto const d_hidden = make_matrix<T>("gates::d_hidden", x.extent(0), num_experts_);
    kernels::linear_backward_weight<T>(exec, d_last, activations.hidden, gradients[1]);
    kernels::linear_backward_input<T>(exec, d_last, parameters[1], 0, d_hidden);
    multiply_tanh_derivative<T>(exec, activations.hidden, d_hidden);
    d_first = d_hidden;
  }
  kernels::linear_backward_weight<T>(exec, d_first, x, gradients[0]);
  kernels::linear_backward_input<T>(exec, d_first, parameters[0], 1, d_x);
}

#define MOESCOPE_INSTANTIATE(T) template class GateNetwork<T>;
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
