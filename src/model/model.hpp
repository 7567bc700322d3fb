#pragma once
#include "model/block.hpp"
#include "model/head.hpp"

namespace moescope {

/// What one forward pass leaves for backward and for the report.
template <class T>
struct Activations {
  std::vector<BlockActivations<T>> blocks;
  HeadState<T> head;
  double cross_entropy_sum = 0;  ///< nat, over this dp coordinate's counted tokens
  /// Sum of the blocks' weighted router losses, this micro-batch's share of the step's; equal on every rank.
  double balance_loss() const;
};

/// The stack of blocks on one rank. Owns no parameters: weights and gradients are Views passed in.
template <class T>
class Model {
 public:
  /// Throws UserError where the layout cannot hold the model or the dispatcher does not fit it.
  Model(ModelConfig const& model, std::string const& dispatcher, Mesh& mesh);

  Router<T> const& router() const { return services_.routed.router(); }
  ModelConfig const& config() const { return services_.model; }
  Mesh& mesh() { return *services_.mesh; }

  /// What `pass` points to must outlive the activations.
  Activations<T> forward(ExecSpace const& exec, Pass const& pass, ModelTensors<T> const& weights);
  /// Adds the gradient of loss_scale * cross_entropy_sum + balance losses; those of the routed experts are assigned unless the
  /// pass accumulates.
  void backward(ExecSpace const& exec, Pass const& pass, double loss_scale, ModelTensors<T> const& weights,
                Activations<T>& activations, ModelTensors<Accumulate<T>> const& gradients);

 private:
  MeshPools pools_;
  BlockServices<T> services_;
};

}  // namespace moescope
