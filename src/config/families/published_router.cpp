#include "config/families/published_router.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.hpp"
#include "config/families/family.hpp"

namespace moescope {

namespace families {

namespace {

using List = std::string_view[];

// Jitter acts in training alone; what a family adds to the objective is honoured.
constexpr List of_mixtral{"router_jitter_noise"};
constexpr List of_qwen{"shared_expert_intermediate_size", "qkv_bias", "max_window_layers", "use_sliding_window"};
constexpr List of_qwen_hybrid{"shared_expert_intermediate_size",
                              "full_attention_interval",
                              "linear_conv_kernel_dim",
                              "linear_key_head_dim",
                              "linear_num_key_heads",
                              "linear_num_value_heads",
                              "linear_value_head_dim",
                              "partial_rotary_factor",
                              "attn_output_gate",
                              "mamba_ssm_dtype",
                              "use_sliding_window"};
constexpr List of_olmoe{"clip_qkv"};
constexpr List of_gpt_oss{"swiglu_alpha", "swiglu_limit", "initial_context_length"};
constexpr List of_llama4{"attention_chunk_size",  "attn_scale",          "attn_temperature_tuning", "floor_scale",
                         "intermediate_size_mlp", "no_rope_layers",      "no_rope_layer_interval",  "use_qk_norm",
                         "router_jitter_noise",   "router_aux_loss_coef"};
constexpr List of_deepseek_v3{"kv_lora_rank",     "q_lora_rank",     "qk_head_dim", "qk_nope_head_dim",
                              "qk_rope_head_dim", "rope_interleave", "v_head_dim",  "n_shared_experts",
                              "ep_size",          "aux_loss_alpha",  "seq_aux",     "num_nextn_predict_layers"};
constexpr List of_switch{"d_ff",
                         "d_kv",
                         "dense_act_fn",
                         "dropout_rate",
                         "is_encoder_decoder",
                         "is_gated_act",
                         "add_cross_attention",
                         "decoder_sparse_step",
                         "feed_forward_proj",
                         "initializer_factor",
                         "layer_norm_epsilon",
                         "num_decoder_layers",
                         "num_heads",
                         "num_sparse_decoder_layers",
                         "num_sparse_encoder_layers",
                         "relative_attention_max_distance",
                         "relative_attention_num_buckets",
                         "router_dtype",
                         "router_jitter_noise"};

constexpr Family table[] = {{"mixtral", read_mixtral, of_mixtral},
                            {"qwen2_moe", read_qwen_moe, of_qwen},
                            {"qwen3_moe", read_qwen_moe, of_qwen},
                            {"qwen3_next", read_qwen3_next, of_qwen_hybrid},
                            {"qwen3_5_moe_text", read_qwen3_5_moe, of_qwen_hybrid},
                            {"olmoe", read_olmoe, of_olmoe},
                            {"gpt_oss", read_gpt_oss, of_gpt_oss},
                            {"llama4_text", read_llama4, of_llama4},
                            {"deepseek_v3", read_deepseek_v3, of_deepseek_v3},
                            {"switch_transformers", read_switch_transformers, of_switch}};

std::string model_type(Json const& json) {
  auto const found = json.is_object() ? json.find("model_type") : json.end();
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

void check(Fields const& fields, PublishedRouter const& router) {
  if (router.top_k > router.num_experts)
    fields.refuse("num_experts_per_tok", fmt::format("must be at most the {} experts", router.num_experts));
}

}  // namespace

Names every_family() {
  static constexpr List names{"attention_bias",
                              "attention_dropout",
                              "head_dim",
                              "hidden_act",
                              "initializer_range",
                              "intermediate_size",
                              "layer_types",
                              "mlp_bias",
                              "moe_intermediate_size",
                              "num_attention_heads",
                              "num_key_value_heads",
                              "pad_token_id",
                              "rms_norm_eps",
                              "rope_parameters",
                              "rope_scaling",
                              "rope_theta",
                              "sliding_window",
                              "tie_word_embeddings",
                              "vocab_size"};
  return names;
}

}  // namespace families

bool PublishedRouter::has(std::int64_t layer) const { return std::binary_search(layers.begin(), layers.end(), layer); }

std::vector<std::string> router_families() {
  std::vector<std::string> names;
  for (auto const& family : families::table) names.emplace_back(family.model_type);
  return names;
}

std::string tensor_of_layer(std::string const& name, std::int64_t layer, std::int64_t expert) {
  return fmt::format(fmt::runtime(name), layer, expert);
}

PublishedRouter router_from_hugging_face(nlohmann::json const& json, std::string const& source) {
  families::Fields const fields(json, source);
  auto const* family = std::find_if(std::begin(families::table), std::end(families::table),
                                    [&](auto const& each) { return families::model_type(json) == each.model_type; });
  if (family == std::end(families::table))
    fields.refuse("model_type", fmt::format("is not supported; built are llama_moe and llama_moe_residual, and the routers of {}",
                                            fmt::join(router_families(), ", ")));
  PublishedRouter router;
  router.family = family->model_type;
  family->read(fields, router);
  fields.fixed("quantization_config", nullptr);
  fields.refuse_others(family->of_other_parts);
  families::check(fields, router);
  return router;
}

}  // namespace moescope
