#pragma once
#include "gates/losses/loss.hpp"

namespace moescope {

/// What a router decided for the owned tokens, and what its backward consumes.
template <class T>
struct RouterResult {
  Routing<T> routing;            ///< its weights are the gate's
  Vector<Accumulate<T>> weight;  ///< [choices] those in force, after dropping; routing.weight itself unless renormalised
  Scores<T> scores;
  std::vector<LossTerm> terms;          ///< of each of `losses(model)`
  Matrix<Accumulate<T>> probabilities;  ///< [tokens,E] affinity that a loss needed and the gate had not; else of size 0
  /// Sum of weight * value: what is added to the objective.
  double balance_loss() const;
  /// The first term that compares experts; null without one.
  LossTerm const* statistics() const;
};

/// What no gate repeats: score, choose (or be forced), weigh, losses, drop; and the way back.
template <class T>
class Router {
 public:
  explicit Router(ModelConfig const& model);

  /// x [tokens,H]; parameters as `gate_tensors` lists them.
  RouterResult<T> forward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters,
                          GateContext const& context) const;
  /// d_weight [choices] = dL/d(result.weight) from the outputs. Adds to d_x and to `gradients`, the losses' share included.
  void backward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<Matrix<T>> const& parameters, GateContext const& context,
                RouterResult<T> const& result, ConstVector<Accumulate<T>> d_weight, Matrix<T> d_x,
                std::vector<Matrix<Accumulate<T>>> const& gradients) const;
  Gate<T> const& gate() const { return *gate_; }
  /// Completes losses that depend on all routers: [routers].
  void join(std::vector<RouterResult<T>*> const& routers) const;

 private:
  ModelConfig model_;
  std::unique_ptr<Gate<T>> gate_;
  std::vector<LossConfig> losses_;
  std::vector<std::unique_ptr<RouterLoss<T>>> loss_;
  bool needs_affinity_ = false;
};

}  // namespace moescope
