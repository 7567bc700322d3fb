#include "config/detail/published_fields.hpp"

namespace moescope::published {

using Json = nlohmann::json;

std::vector<Field> const& common_fields() {
  static std::vector<Field> const table{{"vocab_size", "model.vocab_size"},
                                        {"hidden_size", "model.hidden_size"},
                                        {"num_hidden_layers", "model.num_layers"},
                                        {"num_attention_heads", "model.num_heads"},
                                        {"num_key_value_heads", "model.num_kv_heads", nullptr},
                                        {"head_dim", "model.head_dim", nullptr},
                                        {"initializer_range", "model.initializer_range", 0.02},
                                        {"rms_norm_eps", "model.rms_norm_eps", 1e-6},
                                        {"tie_word_embeddings", "model.tie_word_embeddings", false},
                                        {"num_experts", "model.num_experts"},
                                        {"num_selects", "model.top_k"},
                                        {"size_experts", "model.expert_widths", nullptr},
                                        {"multiply_gate_scores", "model.multiply_gate_scores", true},
                                        {"score_scale_factor", "model.score_scale_factor", 1.0},
                                        {"add_weight_norm", "model.add_weight_norm", false},
                                        {"dropped_padding", "capacity.dropped", "zero"},
                                        {"capacity_factor", "capacity.factor", 1.25},
                                        {"gate_network", "gate.network", "mlp"},
                                        {"gate_use_softmax", "gate.use_softmax", true},
                                        {"gate_add_noise", "gate.add_noise", true},
                                        {"gate_noise_epsilon", "gate.noise_epsilon", 0.01}};
  return table;
}

std::vector<Field> const& plain_fields() {
  static std::vector<Field> const table{{"intermediate_size", "model.intermediate_size"}};
  return table;
}

std::vector<Field> const& residual_fields() {
  static std::vector<Field> const table{{"intermediate_size_moe", "model.intermediate_size", 9632},
                                        {"num_experts_residual", "residual.num_experts", 2},
                                        {"intermediate_size_residual", "residual.intermediate_size", 1376},
                                        {"size_experts_residual", "residual.expert_widths", nullptr},
                                        {"gate_use_softmax_residual", "residual.use_softmax", true},
                                        {"multiply_gate_scores_residual", "residual.multiply_gate_scores", true},
                                        {"score_scale_factor_residual", "residual.score_scale_factor", 1.0}};
  return table;
}

std::vector<Fixed> const& fixed_fields() {
  static std::vector<Fixed> const table{{"hidden_act", "silu"},           {"attention_bias", false},
                                        {"attention_dropout", 0.0},       {"mlp_bias", false},
                                        {"sliding_window", nullptr},      {"use_sliding_window", false},
                                        {"partial_rotary_factor", 1.0},   {"use_weighting", false},
                                        {"quantization_config", nullptr}, {"is_encoder_decoder", false},
                                        {"add_cross_attention", false},   {"chunk_size_feed_forward", 0}};
  return table;
}

std::span<std::string_view const> fields_with_rules() {
  static constexpr std::string_view names[] = {"model_type",
                                               "gate_type",
                                               "calculator_type",
                                               "rope_theta",
                                               "rope_scaling",
                                               "rope_parameters",
                                               "pad_token_id",
                                               "intermediate_size",
                                               "drop_tokens",
                                               "gate_use_balance",
                                               "gate_balance_loss_weight"};
  return names;
}

std::span<std::string_view const> harmless_fields() {
  static constexpr std::string_view names[] = {
      "architectures", "auto_map", "transformers_version", "torch_dtype", "dtype", "_name_or_path", "name_or_path",
      "_commit_hash", "_attn_implementation", "attn_implementation", "_flash_attn_2_enabled", "use_cache", "bos_token_id",
      "eos_token_id", "sep_token_id", "decoder_start_token_id", "max_position_embeddings", "pretraining_tp", "return_dict",
      "output_attentions", "output_hidden_states", "id2label", "label2id", "problem_type", "task_specific_params", "torchscript",
      "is_decoder",
      // The released converter's misspelling of gate_network, which the released model does not read.
      "gates"};
  return names;
}

}  // namespace moescope::published
