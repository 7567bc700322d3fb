#include "gradient/model/cases.hpp"

#include "equivalence/cases.hpp"
#include "support/losses.hpp"

namespace moescope::test {

RunConfig small_model() {
  RunConfig config;
  auto& model = config.model;
  model.vocab_size = 13;
  model.hidden_size = 8;
  model.num_layers = 2;
  model.num_heads = 2;
  model.num_kv_heads = 1;
  model.head_dim = 4;
  model.num_experts = 4;
  model.top_k = 2;
  model.intermediate_size = 18;
  model.expert_widths = {{3, 5, 4, 6}, {4, 6, 5, 3}};
  model.score_scale_factor = {2.5, 1.5};
  model.initializer_range = 0.4;
  weigh_losses(model, 0.5);
  config.batch = {4, 5, 1};
  config.train.dtype = DType::float64;
  config.train.seed = 11;
  return config;
}

RunConfig small_switch_model(std::string const& dropped_padding) {
  auto config = small_model();
  config.model.top_k = 1;
  config.model.gate.kind = "switch";
  weigh_losses(config.model, 0.5);
  config.model.gate.pool = "batch";
  config.model.capacity.factor = 0.8;
  config.model.capacity.dropped = dropped_padding;
  return config;
}

RunConfig small_padded_model() {
  auto config = small_model();
  config.model.pad_token_id = equivalence::synthetic_source(config)(0, 1).tokens[1];
  return config;
}

namespace {

GradientCase one_of_two_micro_steps() {
  auto config = small_model();
  config.batch = {6, 5, 2};
  config.model.gate.load_estimate = "noisy_logit";
  return {"noisy logit load estimate, one of two micro-steps", config};
}

GradientCase tied() {
  auto config = small_model();
  config.model.tie_word_embeddings = true;
  config.model.gate.network = "linear";
  config.model.gate.pool = "block:2";
  return {"tied embeddings, linear gate, pools of two sequences", config};
}

GradientCase output_scale() {
  auto config = small_model();
  config.model.add_weight_norm = true;
  config.model.gate.use_softmax = false;
  weigh_losses(config.model, 0);  // of raw scores, whose mean may be near 0, it is too steep for differences
  config.model.gate.add_noise = false;
  return {"learnable output scale, scores without softmax and noise", config};
}

GradientCase residual(bool use_softmax, bool multiply_gate_scores) {
  auto config = small_model();
  auto& residual = config.model.residual;
  residual.num_experts = 2;
  residual.intermediate_size = 10;
  residual.expert_widths.assign(std::size_t(config.model.num_layers), {3, 7});
  residual.use_softmax = use_softmax;
  residual.multiply_gate_scores = multiply_gate_scores;
  residual.score_scale_factor.assign(std::size_t(config.model.num_layers), 1.5);
  return {std::string("residual experts, ") + (use_softmax ? "softmax" : "raw") + (multiply_gate_scores ? "" : ", unscored"),
          config};
}

GradientCase unscored() {
  auto config = small_model();
  config.model.multiply_gate_scores = false;
  return {"experts' outputs not multiplied with scores", config};
}

GradientCase padding(bool tied) {
  auto config = small_padded_model();
  config.model.tie_word_embeddings = tied;
  config.train.seed = 12;
  return {std::string("padding tokens, ") + (tied ? "tied" : "untied") + " embeddings", config};
}

GradientCase switch_gate(std::string const& dropped_padding, std::string const& score) {
  auto config = small_switch_model(dropped_padding);
  config.model.gate.switch_score = score;
  config.model.add_weight_norm = dropped_padding == "input";
  return {"switch with dropped tokens, padding " + dropped_padding + ", score " + score, config};
}

GradientCase plain_gate(std::string const& kind) {
  auto config = small_model();
  config.model.gate.kind = kind;
  weigh_losses(config.model, 0.5);
  config.model.capacity.factor = 0.8;
  return {"gate " + kind, config};
}

/// Of a gate that was published with weights on the output, with dropped tokens and a scale.
GradientCase weight_at_input() {
  auto config = small_model();
  config.model.gate.kind = "qwen_moe";
  weigh_losses(config.model, 0.5);
  config.model.gate.weight_at = "input";
  config.model.capacity.policy = "position";
  config.model.capacity.factor = 0.8;
  config.model.capacity.dropped = "input";
  return {"weights on the input, dropped tokens", config};
}

}  // namespace

std::vector<GradientCase> gradient_cases() {
  return {{"noisy top-k", small_model()},
          one_of_two_micro_steps(),
          tied(),
          output_scale(),
          residual(true, true),
          residual(false, true),
          residual(true, false),
          unscored(),
          padding(false),
          padding(true),
          switch_gate("zero", "noisy_logit"),
          switch_gate("input", "noisy_logit"),
          switch_gate("input", "probability"),
          plain_gate("uniform"),
          plain_gate("uniform_learnable"),
          plain_gate("random_learnable"),
          plain_gate("base"),
          plain_gate("sinkhorn"),
          plain_gate("expert_choice"),
          plain_gate("quantile"),
          plain_gate("shazeer"),
          plain_gate("switch_transformer"),
          plain_gate("gshard"),
          plain_gate("mixtral"),
          plain_gate("qwen_moe"),
          plain_gate("gpt_oss"),
          plain_gate("llama4"),
          plain_gate("deepseek_v3"),
          weight_at_input()};
}

}  // namespace moescope::test
