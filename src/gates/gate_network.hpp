#pragma once
#include <vector>

#include "base/views.hpp"
#include "config/model_config.hpp"
#include "gates/gate.hpp"

namespace moescope::gates {

/// The router logits g(x) of LLaMA-MoE (`create_gate_network`), without biases:
/// linear: W x, W [E,H]; linear_bias: W x + b, b [1,E]; mlp: W2 tanh(W0 x), W0 [E,H], W2 [E,E]. Its tensors are the first ones of
/// a gate.
template <class T>
class GateNetwork {
 public:
  explicit GateNetwork(ModelConfig const& model);

  struct Activations {
    Matrix<T> hidden;              ///< [tokens,E] tanh(W0 x); empty when linear
    Matrix<Accumulate<T>> logits;  ///< [tokens,E]
  };

  Activations forward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters) const;
  /// Adds to d_x and to the first of `gradients`.
  void backward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters, Activations const& activations,
                Matrix<Accumulate<T>> d_logits, Matrix<T> d_x, std::vector<Matrix<Accumulate<T>>> const& gradients) const;

 private:
  std::int64_t hidden_size_, num_experts_;
  bool mlp_, has_bias_;
};

}  // namespace moescope::gates
