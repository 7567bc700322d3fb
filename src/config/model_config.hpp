#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace moescope {

/// The gate of every MoE block (`[gate]`); semantics in `docs/definitions.md`.
struct GateConfig {
  std::string kind = "noisy_top_k";   ///< a name of gate_kinds.cpp
  std::string network = "mlp";        ///< linear: W x; mlp: W2 tanh(W0 x)
  bool use_softmax = true;            ///< softmax over the selected logits (switch: over all)
  bool use_balance = true;            ///< false: no balance loss is added (ignored by switch, as released)
  double balance_loss_weight = 0.01;  ///< w
  bool add_noise = true;
  double noise_epsilon = 0.01;               ///< added to softplus of the noise logits
  std::string load_estimate = "released";    ///< released: compares the noise term; noisy_logit: Shazeer's comparison
  std::string switch_score = "noisy_logit";  ///< as released; probability: softmax probability (Fedus et al.)
  bool switch_noise_in_eval = true;          ///< as released
  std::string pool = "sequence";             ///< sequence, block:<b>, batch: the tokens over which a loss or capacity is taken
};

/// The residual block (`[residual]`) of LLaMA-MoE's residual variant: a MoE layer of its own whose experts are all used, by a
/// linear learnable gate, and whose output is added to the routed experts'. None where num_experts is 0.
struct ResidualConfig {
  std::int64_t num_experts = 0;
  std::int64_t intermediate_size = 0;                    ///< sum of the expert widths of one layer
  std::vector<std::vector<std::int64_t>> expert_widths;  ///< [num_layers][num_experts]
  bool use_softmax = true;                               ///< softmax over its experts; false: the raw logits
  bool multiply_gate_scores = true;
  std::vector<double> score_scale_factor;  ///< [num_layers], default all 1
};

/// One LLaMA-MoE-like model (`[model]`). Expert widths are kept per layer; equal widths are derived by the reader.
struct ModelConfig {
  std::string family = "llama_moe";
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t num_layers = 0;
  std::int64_t num_heads = 0;
  std::int64_t num_kv_heads = 0;  ///< default num_heads
  std::int64_t head_dim = 0;      ///< default hidden_size / num_heads
  std::int64_t num_experts = 0;
  std::int64_t top_k = 0;
  std::int64_t intermediate_size = 0;                    ///< sum of the expert widths of one layer
  std::vector<std::vector<std::int64_t>> expert_widths;  ///< [num_layers][num_experts]
  double rms_norm_eps = 1e-5;
  double rope_theta = 10000.0;
  bool tie_word_embeddings = false;
  std::int64_t pad_token_id = -1;  ///< its embedding row gets no gradient from look-ups (torch's padding_idx); -1: none
  double initializer_range = 0.02;
  bool multiply_gate_scores = true;
  std::vector<double> score_scale_factor;  ///< [num_layers], default all 1
  bool add_weight_norm = false;            ///< learnable output scale that starts at score_scale_factor
  bool drop_tokens = true;                 ///< read by capacity gates (switch) only
  double capacity_factor = 1.25;           ///< capacity = trunc(capacity_factor * pool tokens / experts)
  std::string dropped_padding = "zero";    ///< zero | input: what a dropped choice contributes
  GateConfig gate;
  ResidualConfig residual;
};

/// Experts that one token chooses, as the row of its gate says: one, top_k, or all.
std::int64_t choices_per_token(ModelConfig const& model);

/// Number of parameters, all and those one token uses (top_k experts; noise matrix, embeddings and norms included).
struct ParameterCount {
  std::int64_t total = 0;
  std::int64_t active = 0;
};
ParameterCount count_parameters(ModelConfig const& model);

}  // namespace moescope
