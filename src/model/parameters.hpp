#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/views.hpp"
#include "layers/attention.hpp"
#include "layers/experts.hpp"
#include "tensors/tensor_table.hpp"

namespace moescope {

/// One flat buffer per group of tensors; values of parameters stored as T, gradients and moments of Accumulate<T> are four of
/// these. Gradients and moments hold nothing of groups that are not trained: a tensor of such a group has the size 0 there.
template <class T>
struct FlatBuffers {
  std::vector<Vector<T>> group;
  bool hold(TensorSpec const& spec) const { return group[spec.group].size() > 0; }
  Vector<T> flat(TensorSpec const& spec) const;    ///< [size()]
  Matrix<T> matrix(TensorSpec const& spec) const;  ///< [held_rows, held_columns]
};
/// Of every group, zero-filled; label as "model::thing".
template <class T>
FlatBuffers<T> make_buffers(TensorTable const& table, std::string const& label);
/// Of the groups that are trained.
template <class T>
FlatBuffers<T> make_trained_buffers(TensorTable const& table, std::string const& label);

/// A gate and the experts that it weighs.
template <class T>
struct BranchTensors {
  std::vector<Matrix<T>> gate;
  std::vector<ExpertWeights<T>> experts;
};

/// Views of one block's tensors; made over the values and once more, of Accumulate<T>, over the gradients.
template <class T>
struct BlockTensors {
  std::int64_t layer = 0;
  Vector<T> attention_norm, ffn_norm;
  AttentionWeights<T> attention;
  BranchTensors<T> routed;    ///< local experts
  BranchTensors<T> residual;  ///< all residual experts, whole, on every rank; empty without them
  Vector<T> output_scale;     ///< size 0 without add_weight_norm
};
template <class T>
struct ModelTensors {
  Matrix<T> embedding, head;  ///< the same View when tied
  Vector<T> final_norm;
  std::vector<BlockTensors<T>> blocks;
};
template <class T>
ModelTensors<T> view_tensors(ModelConfig const& model, Layout const& layout, std::int64_t rank, TensorTable const& table,
                             FlatBuffers<T> const& buffers);

/// Fills from `seed`: a function of tensor name and global index only, so any layout starts alike.
template <class T>
void initialize(TensorTable const& table, std::uint64_t seed, FlatBuffers<T> const& values);

}  // namespace moescope
