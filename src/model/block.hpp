#pragma once
#include <optional>

#include "layers/attention.hpp"
#include "model/exchanges.hpp"
#include "model/expert_branch.hpp"
#include "model/mesh_pools.hpp"
#include "model/parameters.hpp"
#include "model/pass.hpp"

namespace moescope {

/// What a block needs beside its tensors: built once per model, shared by all blocks.
template <class T>
struct BlockServices {
  ModelConfig model;
  Mesh* mesh;
  std::vector<Pool> pools;  ///< of the micro-batch at hand
  ModelExchanges exchanges;
  ExpertBranch<T> routed;
  std::optional<ExpertBranch<T>> residual;
  Matrix<Accumulate<T>> rope_table;  ///< of the sequence length met last
};

/// Throws UserError where the dispatcher does not fit the mesh.
template <class T>
BlockServices<T> make_block_services(ModelConfig const& model, std::string const& dispatcher, Mesh& mesh);

template <class T>
struct AttentionState {
  Matrix<T> input;                    ///< [T,H] residual stream
  Matrix<T> normed;                   ///< [T,H]
  Vector<Accumulate<T>> inverse_rms;  ///< [T]
  kernels::AttentionShape shape;
  kernels::Rotation<T> rotation;
  AttentionActivations<T> activations;
};

template <class T>
struct MoeState {
  Matrix<T> input;                    ///< [O,H] residual stream of the owned tokens
  Matrix<T> normed;                   ///< [O,H]
  Vector<Accumulate<T>> inverse_rms;  ///< [O]
  BranchState<T> routed, residual;
  Matrix<T> combined;  ///< [O,H] both branches, before the output scale; empty without one
};

/// Activations that backward consumes.
template <class T>
struct BlockActivations {
  AttentionState<T> attention;
  MoeState<T> moe;
};

/// One decoder block: attention block, then MoE block. x, result [T,H].
template <class T>
Matrix<T> block_forward(ExecSpace const& exec, BlockServices<T>& services, Pass const& pass, Matrix<T> x,
                        BlockTensors<T> const& weights, BlockActivations<T>& activations);
/// d_x [T,H]: in, the gradient of the block's result; out, of its input. Adds to the weight gradients, but assigns those of the
/// routed experts unless the pass accumulates.
template <class T>
void block_backward(ExecSpace const& exec, BlockServices<T>& services, Pass const& pass, BlockTensors<T> const& weights,
                    BlockActivations<T> const& activations, BlockTensors<Accumulate<T>> const& gradients, Matrix<T> d_x);

/// x + attention(norm(x)); the ranks' head shares are summed over tp. x, result [T,H].
template <class T>
Matrix<T> attention_block_forward(ExecSpace const& exec, BlockServices<T>& services, Pass const& pass, Matrix<T> x,
                                  BlockTensors<T> const& weights, AttentionState<T>& state);
/// Adds the branch's gradient to d_x [T,H] in place.
template <class T>
void attention_block_backward(ExecSpace const& exec, BlockServices<T>& services, BlockTensors<T> const& weights,
                              AttentionState<T> const& state, BlockTensors<Accumulate<T>> const& gradients, Matrix<T> d_x);

/// x + moe(norm(x)): tokens are sliced over tp before the gate and gathered after combine. x, result [T,H].
template <class T>
Matrix<T> moe_block_forward(ExecSpace const& exec, BlockServices<T>& services, Pass const& pass, Matrix<T> x,
                            BlockTensors<T> const& weights, MoeState<T>& state);
template <class T>
void moe_block_backward(ExecSpace const& exec, BlockServices<T>& services, Pass const& pass, BlockTensors<T> const& weights,
                        MoeState<T> const& state, BlockTensors<Accumulate<T>> const& gradients, Matrix<T> d_x);

}  // namespace moescope
