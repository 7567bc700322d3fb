#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/loss_kinds.hpp"
#include "config/model_config.hpp"
#include "config/pool_calls.hpp"

namespace moescope {

/// A tensor of a gate: name under `mlp.gate.` in published checkpoints, and shape [rows, columns]. One row is a vector, which
/// does not decay.
struct GateTensor {
  std::string name;
  std::int64_t rows = 0, columns = 0;
  bool trained = true;            ///< gets a gradient; else the gate sets it in `update`
  bool only_in_training = false;  ///< evaluation does without it: not among the active parameters
  double initial = 0;             ///< of a vector's elements
};

/// A loss that a gate was published with.
struct OwnLoss {
  std::string_view kind;
  double weight;
};

/// The row of a gate: all that is known of it without asking it. Parameters, bytes, memory, rules and hashes are computed from
/// rows; `gates/registry.cpp` adds the factory. Tests compare each fact with what the gate itself does.
struct GateKind {
  enum class Choices { one, top_k, all, ragged };       ///< experts of one token; ragged: as many as it comes to, nominally top_k
  enum class Draws { nothing, noise, choices };         ///< in training the same tokens are weighed, or dealt, anew in each step
  enum class OutputScale { number, column_by_column };  ///< shape of `mlp_norm`: [1] or [H]

  std::string_view name;
  std::string_view published_name{};  ///< `gate_type` of LLaMA-MoE's config.json; empty: not one of its gates
  bool reads_use_balance = false;     ///< `gate_use_balance` of config.json switches its losses
  std::span<std::string_view const> published_calculators{};  ///< `calculator_type`s that compute with its routing
  Choices choices = Choices::top_k;
  std::int64_t largest_top_k = INT64_MAX;  ///< that `model.top_k` may be given as
  Draws draws = Draws::nothing;
  bool weights_sum_to_one = false;                                   ///< in training with `gate.use_softmax`
  bool causal = false;                                               ///< no decision depends on later tokens
  OutputScale output_scale = OutputScale::number;                    ///< of `model.add_weight_norm`
  bool score_scale_beside_output_scale = false;                      ///< as LLaMA-MoE's Switch calculator; else it stands in
  std::span<OwnLoss const> losses{};                                 ///< where `gate.loss` is not given
  std::string_view network = "mlp";                                  ///< where `gate.network` is not given
  std::string_view weight_at = "output";                             ///< where `gate.weight_at` is not given
  std::string_view capacity_policy = "none";                         ///< where `capacity.policy` is not given
  std::int64_t best_of_group = 1;                                    ///< affinities that the score of a group of experts sums
  bool gathers_scores = false;                                       ///< PoolExchange::gather over `gate.pool`, in training
  bool updates = false;                                              ///< changes its untrained tensors once a step
  bool keeps_pool_means = false;                                     ///< by Routing::pool_means
  std::span<std::string_view const> keys{};                          ///< that other kinds may lack; see `Key::applies`
  std::vector<GateTensor> (*tensors)(ModelConfig const&) = nullptr;  ///< in the order in which the gate takes them
};

std::span<GateKind const> all_gate_kinds();
std::span<std::string_view const> gate_kind_names();

/// Throws UserError with the list of known names.
GateKind const& gate_kind(std::string_view name);
/// Of the model's gate.
GateKind const& gate_kind(ModelConfig const& model);
bool has_key(GateKind const& kind, std::string_view path);

std::vector<GateTensor> gate_tensors(ModelConfig const& model);
/// Experts that one token chooses, as the row of its gate says: one, top_k (nominally where they are ragged), or all.
std::int64_t choices_per_token(ModelConfig const& model);
/// Whether tokens may choose different numbers of experts.
bool is_ragged(ModelConfig const& model);
/// Those in force, each with its pool.
std::vector<LossConfig> losses(ModelConfig const& model);
/// Whether the gate has what the loss is made of.
bool supplies(ModelConfig const& model, LossKind const& loss);
/// That in force.
std::string_view capacity_policy(ModelConfig const& model);
bool drops(ModelConfig const& model);
/// Those in force.
std::string_view gate_network(ModelConfig const& model);
std::string_view weight_at(ModelConfig const& model);
/// Elements of one layer's gate; 0 for the plain gates.
std::int64_t gate_parameters(ModelConfig const& model);
/// Elements of the learnable scale of one layer's output, which `model.add_weight_norm` asks for.
std::int64_t output_scale_columns(ModelConfig const& model);

}  // namespace moescope
