#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moescope {

/// A loss of the router (`[[gate.loss]]`): a name of loss_kinds.cpp, its weight, and the tokens over which it is taken.
struct LossConfig {
  std::string kind;
  double weight = 0.01;
  std::string pool;  ///< as GateConfig::pool, which it is where not given
  friend bool operator==(LossConfig const&, LossConfig const&) = default;
};

/// What an expert may take of a pool, whatever the gate (`[capacity]`).
struct CapacityConfig {
  std::string policy;             ///< none, position, probability, random: which choices stay; not given: what the gate's row has
  double factor = 1.25;           ///< capacity = factor * pool tokens * choices of a token / experts
  std::string rounding = "down";  ///< down, up
  std::string order = "token";    ///< position with several choices a token: token | choice, which of the two counts first
  bool renormalise = false;       ///< what stays of a token's weights is scaled to the sum that was
  std::string dropped = "zero";   ///< zero | input: what a dropped choice contributes
  bool pad = false;               ///< rows of zeros fill every expert's capacity
};

/// The gate of every MoE block (`[gate]`); semantics in `docs/definitions.md`.
struct GateConfig {
  std::string kind = "noisy_top_k";  ///< a name of gate_kinds.cpp
  std::string network;               ///< linear: W x; linear_bias: W x + b; mlp: W2 tanh(W0 x); not given: that of the gate's row
  bool use_softmax = true;           ///< softmax over the selected logits (switch: over all)
  bool add_noise = true;
  double noise_epsilon = 0.01;               ///< added to softplus of the noise logits
  std::string load_estimate = "released";    ///< released: compares the noise term; noisy_logit: Shazeer's comparison
  std::string switch_score = "noisy_logit";  ///< as released; probability: softmax probability (Fedus et al.)
  bool switch_noise_in_eval = true;          ///< as released
  std::string pool = "sequence";             ///< sequence, block:<b>, batch: the tokens over which choices and capacity are taken
  std::optional<std::vector<LossConfig>> loss;  ///< each kind once; not given: those of the gate's row
  std::string weight_at;                        ///< output | input: what of an expert a weight is multiplied with; likewise
  bool normalise = true;                        ///< the weights of the chosen are scaled to add up to 1
  std::int64_t num_groups = 1;                  ///< groups of experts with consecutive ids, of which a token may use
  std::int64_t groups_kept = 1;                 ///< so many
  double bias_update_rate = 0.001;              ///< what a step adds to, or takes from, the bias of an expert's choice
  bool bias_zero_mean = false;                  ///< the mean of what a step adds to the biases is subtracted first
  double jitter = 0.01;                         ///< hidden states are multiplied with 1 +- this in training
  double top_p = 0.5;                           ///< least sum of the probabilities of the chosen
  double tolerance = 1e-4;                      ///< of an iteration's last change
  std::int64_t iterations = 100;                ///< most of them
  double average_decay = 0.99;                  ///< of what a gate keeps from step to step
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
  GateConfig gate;
  CapacityConfig capacity;
  ResidualConfig residual;
};

/// Number of parameters, all and those one token uses (top_k experts; noise matrix, embeddings and norms included).
struct ParameterCount {
  std::int64_t total = 0;
  std::int64_t active = 0;
};
ParameterCount count_parameters(ModelConfig const& model);

}  // namespace moescope
