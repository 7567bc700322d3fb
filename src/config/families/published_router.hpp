#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace moescope {

/// SwiGLU experts of a family, as its checkpoint has them; H hidden, m width.
struct PublishedExperts {
  /// separate: gate and up [m,H], down [H,m] of each expert; rows: gate_up [E,2m,H], down [E,H,m]; columns: their transposes.
  enum class Form { not_read, separate, rows, columns };
  Form form = Form::not_read;
  std::int64_t width = 0;
  /// Tensors of layer i where the name has the first "{}", of expert e where it has the second. `up` of separate ones alone.
  std::string gate, up, down;
};

/// The routers of a published model family, as its config.json and its tensors give them. Formulas: docs/definitions.md.
struct PublishedRouter {
  std::string family;  ///< model_type
  std::int64_t hidden_size = 0, num_experts = 0, top_k = 0;
  std::vector<std::int64_t> layers;  ///< those that have one, ascending

  std::string gate;        ///< kind (gate_kinds.cpp)
  bool normalise = false;  ///< gate.normalise, where the kind has it
  double score_scale_factor = 1;
  std::int64_t num_groups = 1, groups_kept = 1;  ///< of experts; a group's score is the sum of its two best
  std::int64_t expert_capacity = 0;              ///< tokens of a sequence that an expert takes, the first ones; 0: all
  double aux_coef = 0, z_coef = 0;               ///< with which the family adds its losses to the objective
  std::string aux_loss, aux_pool;                ///< kind (loss_kinds.cpp) and pool of the first of them

  /// Tensors of layer i where the name has "{}". Empty: there is none.
  std::string weight, bias, correction_bias;
  PublishedExperts experts;
  bool weight_at_input = false;  ///< a weight is multiplied with its expert's input, not its output

  bool has(std::int64_t layer) const;
};

/// Throws UserError naming the field that is missing, unknown or not honoured; fields of other parts than routers may say what
/// they like. `families` lists every model_type it knows.
PublishedRouter router_from_hugging_face(nlohmann::json const& json, std::string const& source);
std::vector<std::string> router_families();
/// `layer` in place of the first "{}", `expert` of the second.
std::string tensor_of_layer(std::string const& name, std::int64_t layer, std::int64_t expert = 0);

}  // namespace moescope
