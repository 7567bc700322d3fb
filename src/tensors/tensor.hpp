#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/range.hpp"
#include "config/model_config.hpp"
#include "layout/layout.hpp"

namespace moescope {

/// Tensors that the same ranks hold copies of: each group is one flat buffer of every rank.
struct TensorGroup {
  std::string_view name;
  Axis axis;                          ///< of the ranks with copies, over which gradients are summed
  std::string_view gradients;         ///< name of the exchange that sums them
  bool trained = true;                ///< false: state that checkpoints keep, without gradient, moments and decay
  bool gradients_accumulated = true;  ///< false: the first micro-step assigns them, so nothing has to clear them before
};

/// dense: each rank of a dp group holds the same part. router: computed on owned tokens, whole on every rank of the stage.
/// expert. state: what gates keep from step to step, the same on every rank of the stage.
inline constexpr TensorGroup tensor_groups[] = {
    {.name = "dense", .axis = Axis::dp, .gradients = "dp.gradients"},
    {.name = "router", .axis = Axis::stage, .gradients = "stage.gradients"},
    {.name = "expert", .axis = Axis::edp, .gradients = "edp.gradients", .gradients_accumulated = false},
    {.name = "state", .axis = Axis::stage, .gradients = "", .trained = false},
};

/// What a tensor is part of.
enum class Part { embedding, norm, attention, gate, gate_noise, output_scale, expert, residual_expert, head };
inline constexpr int num_parts = 9;

/// Initial values: all equal to `value`, normal with this standard deviation, or uniform in [-value, value].
struct Init {
  enum class Kind { constant, normal, uniform } kind;
  double value;
};

/// A logical tensor [rows, columns] (vectors have one row) and the rectangle of it that one rank holds.
struct Tensor {
  Part part;
  std::size_t group;  ///< index in tensor_groups
  std::int64_t rows, columns;
  bool is_vector;  ///< shape [columns] in checkpoints
  bool decays;     ///< AdamW weight decay applies
  Range held_rows, held_columns;
  Range counted_rows;  ///< of the held rows, those that this rank and the others with copies have in common to count
  Range owned_rows;    ///< the same on the first of these ranks, none on the others: every logical row has one owner
  Init init;
  std::int64_t size() const { return held_rows.size() * held_columns.size(); }
};

/// A published name in pieces: a count over all tensors of all ranks needs no texts.
struct TensorName {
  std::int64_t layer = -1;                   ///< `model.layers.<layer>.` in front; -1: of no layer
  std::string_view place = {}, tensor = {};  ///< what follows
  std::int64_t expert = -1;                  ///< `.<expert>` at the end; -1: of no expert
  std::string text() const;
};

/// Every tensor of which `rank` holds something, in flat-buffer order: query, key and value rows and an expert's gate and up
/// rows stay adjacent, so that each set is one matrix.
using VisitTensor = std::function<void(Tensor const&, TensorName const&)>;
void for_each_tensor(ModelConfig const& model, Layout const& layout, std::int64_t rank, VisitTensor const& visit);
/// The same of one of tensor_groups, by its index.
void for_each_tensor_of(std::size_t group, ModelConfig const& model, Layout const& layout, std::int64_t rank,
                        VisitTensor const& visit);

/// Published prefix of the routed experts' tensors under a layer: `mlp.`, or `mlp.moe_layer.` beside a residual block.
std::string routed_prefix(ModelConfig const& model);
/// The residual block seen as a gate's model: its experts, all of them, linear network.
ModelConfig residual_gate_model(ModelConfig const& model);

}  // namespace moescope
