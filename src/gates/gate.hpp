#pragma once
#include <any>
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/token_ids.hpp"
#include "config/model_config.hpp"
#include "gates/pool.hpp"
#include "gates/routing.hpp"

namespace moescope {

/// Values that replace drawn ones, for owned tokens: recorded noise of a fixture, a replayed permutation. Empty = draw.
struct InjectedNoise {
  std::vector<double>
      noise;  ///< [owned tokens, E]: what is multiplied with the noise std (noisy_top_k), added (switch) or ranked (random)
  std::vector<double> drop_key;  ///< [owned tokens]: the `capacity` smallest of an expert's tokens stay
};

/// All a gate may know beside its input.
struct GateContext {
  bool training = true;
  std::uint64_t seed = 0;
  std::int64_t step = 0;
  std::int64_t layer = 0;
  TokenIds tokens;  ///< of the rows
  PoolShape pool_shape;
  PoolExchange* pool = nullptr;
  InjectedNoise const* injected = nullptr;
};

template <class T>
struct GateResult {
  Routing<T> routing;
  /// sum over PoolShape's pools of w * (the gate's loss of a pool) / pools_in_step; equal on the ranks that share them. 0 for
  /// gates without a loss and for noisy_top_k with use_balance = false (LLaMA-MoE reports -100 there).
  double balance_loss = 0;
  /// sum over these pools / pools_in_step, likewise. [E] each; cv2 = cv^2(importance)+cv^2(load).
  /// Empty, and cv2 without meaning, for uniform and random gates, which exchange nothing.
  std::vector<double> importance, load;
  double cv2 = 0;
  std::any saved;  ///< what this gate's backward consumes
};

/// Router kind: normed hidden states of the owned tokens -> Routing, and the backward of it. Pure single-rank mathematics
/// except through PoolExchange. Stateless: parameters are passed in, results are returned.
template <class T>
class Gate {
 public:
  virtual ~Gate() = default;
  /// x [tokens,H]; parameters as `gate_tensors` lists them.
  virtual GateResult<T> forward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters,
                                GateContext const& context) const = 0;
  /// d_weight [num_choices] = dL/d(routing.weight) from the outputs. Adds to d_x and to `gradients`, the balance loss
  /// (as added to the objective) included.
  virtual void backward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters,
                        GateContext const& context, GateResult<T> const& result, ConstVector<T> d_weight, Matrix<T> d_x,
                        std::vector<Matrix<T>> const& gradients) const = 0;
};

/// One name per kind in registry.cpp. Throws UserError listing the known names for an unknown kind.
template <class T>
std::unique_ptr<Gate<T>> make_gate(ModelConfig const& model);
std::vector<std::string> gate_kinds();

}  // namespace moescope
