#pragma once
#include <optional>

#include "dispatch/dispatcher.hpp"
#include "gates/router.hpp"
#include "layers/experts.hpp"
#include "model/parameters.hpp"

namespace moescope {

/// What a branch's backward consumes.
template <class T>
struct BranchState {
  ConstMatrix<T> x;  ///< [O,H]
  GateContext context;
  RouterResult<T> router;
  Vector<Accumulate<T>> weight;  ///< [choices] what an expert's output, or input, is multiplied with
  Plan plan;
  WeightedRows<T> arrived;  ///< where weights act on the input
  ExpertsInput<T> input;
  ExpertsActivations<T> experts;
};

/// From owned tokens through a gate and its experts back to them: y = sum over a token's choices of weight * expert(x), or of
/// expert(weight * x) (gate.weight_at).
template <class T>
class ExpertBranch {
 public:
  /// The routed experts. A score is multiplied with score_scale_factor, or with 1 where the learnable output scale stands in
  /// for it (LLaMA-MoE's UniversalCalculator; its Switch calculator applies both). Throws UserError where the dispatcher does
  /// not fit the mesh.
  static ExpertBranch routed(ModelConfig const& model, std::string const& dispatcher, Mesh& mesh);
  /// LLaMA-MoE's residual block (smoe/models/llama_moe_residual): scores by a linear learnable gate over all residual experts.
  /// Every rank holds the whole block.
  static ExpertBranch residual(ModelConfig const& model);
  Router<T> const& router() const { return *router_; }

  /// x [O,H] -> y [O,H], memory of its own.
  Matrix<T> forward(ExecSpace const& exec, GateContext const& context, Matrix<T> const& x, BranchTensors<T> const& weights,
                    BranchState<T>& state) const;
  /// d_y [O,H] -> d_x [O,H]. Assigns the experts' gradients or adds to them; adds to the gate's.
  Matrix<T> backward(ExecSpace const& exec, Matrix<T> const& d_y, BranchTensors<T> const& weights, BranchState<T> const& state,
                     ExpertGradients how, BranchTensors<Accumulate<T>> const& gradients) const;

 private:
  /// What a score is multiplied with; nothing where scores do not weigh.
  std::optional<Accumulate<T>> scale_of(std::int64_t layer) const;

  std::unique_ptr<Router<T>> router_;
  std::unique_ptr<Dispatcher<T>> dispatcher_;
  std::vector<double> score_scale_;  ///< [layers] what a score is multiplied with; empty: scores do not weigh, each choice is 1
  bool weight_at_input_ = false;
  bool dropped_pass_ = false;  ///< a dropped choice gives its token back, weighted (capacity.dropped = "input")
};

}  // namespace moescope
