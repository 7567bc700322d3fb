#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/range.hpp"
#include "base/views.hpp"
#include "config/run_config.hpp"
#include "layers/attention.hpp"
#include "layers/experts.hpp"
#include "layout/layout.hpp"

namespace moescope {

/// Parameters that share the ranks over which their gradients are summed.
/// dense: over dp. router: computed on owned tokens, over all ranks. expert: over edp.
enum class ReductionGroup { dense, router, expert };
inline constexpr int num_reduction_groups = 3;
Axis axis_of(ReductionGroup group);

/// One named tensor [rows, columns] (vectors have one row) and the part of it that this rank holds.
struct ParameterSpec {
  std::string name;            ///< published name
  std::int64_t rows, columns;  ///< of the logical tensor
  bool is_vector;              ///< shape [columns] in checkpoints
  Range held_rows, held_columns;
  Range owned_rows;  ///< the held rows that count on this rank in norms and gathers: every logical row has one owner
  ReductionGroup group;
  double init_range;  ///< > 0: normal with this standard deviation; < 0: uniform in +-|range|; 0: constant `init_value`
  double init_value;
  bool decays;          ///< AdamW weight decay applies
  std::int64_t offset;  ///< of its first element in the group's flat buffer
  std::int64_t size() const { return held_rows.size() * held_columns.size(); }
};

/// Published prefix of the routed experts' tensors under a layer: `mlp.`, or `mlp.moe_layer.` beside a residual block.
std::string routed_prefix(ModelConfig const& model);
/// The residual block seen as a gate's model: its experts, all of them, linear network.
ModelConfig residual_gate_model(ModelConfig const& model);

/// The specs of every parameter on one rank, in flat-buffer order.
struct ParameterTable {
  std::vector<ParameterSpec> specs;
  std::array<std::int64_t, num_reduction_groups> group_size{};
  ParameterSpec const& find(std::string const& name) const;
};
ParameterTable make_parameter_table(ModelConfig const& model, Layout const& layout, std::int64_t rank);

/// One flat buffer per reduction group; values, gradients and moments are four of these.
template <class T>
struct FlatBuffers {
  std::array<Vector<T>, num_reduction_groups> group;
  Vector<T> flat(ParameterSpec const& spec) const;    ///< [size()]
  Matrix<T> matrix(ParameterSpec const& spec) const;  ///< [held_rows, held_columns]
};
/// Zero-filled; label as "model::thing".
template <class T>
FlatBuffers<T> make_buffers(ParameterTable const& table, std::string const& label);

/// Views of one block's tensors; made over the values and once more over the gradients.
template <class T>
struct BlockTensors {
  Vector<T> attention_norm, ffn_norm;
  AttentionWeights<T> attention;
  std::vector<Matrix<T>> gate;
  std::vector<ExpertWeights<T>> experts;           ///< local experts
  std::vector<Matrix<T>> residual_gate;            ///< empty without residual experts
  std::vector<ExpertWeights<T>> residual_experts;  ///< all of them, whole, on every rank
  Vector<T> output_scale;                          ///< size 0 without add_weight_norm
};
template <class T>
struct ModelTensors {
  Matrix<T> embedding, head;  ///< the same View when tied
  Vector<T> final_norm;
  std::vector<BlockTensors<T>> blocks;
};
template <class T>
ModelTensors<T> view_tensors(ModelConfig const& model, Layout const& layout, std::int64_t rank, ParameterTable const& table,
                             FlatBuffers<T> const& buffers);

/// Fills from `seed`: a function of tensor name and global index only, so any layout starts alike.
template <class T>
void initialize(ParameterTable const& table, std::uint64_t seed, FlatBuffers<T> const& values);

}  // namespace moescope
