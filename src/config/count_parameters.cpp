#include <numeric>

#include "config/model_config.hpp"

namespace moescope {
namespace {

std::int64_t attention_parameters(ModelConfig const& m) {
  return 2 * m.hidden_size * m.head_dim * (m.num_heads + m.num_kv_heads);
}

/// Gate network and noise matrix; only the noisy gate has the latter, plain gates have neither.
std::int64_t gate_parameters(ModelConfig const& m) {
  bool const has_network = m.gate.kind != "uniform" && m.gate.kind != "random";
  bool const has_noise = m.gate.kind == "noisy_top_k" && m.gate.add_noise;
  auto const network = m.num_experts * m.hidden_size + (m.gate.network == "mlp" ? m.num_experts * m.num_experts : 0);
  return (has_network ? network : 0) + (has_noise ? m.num_experts * m.hidden_size : 0);
}

std::int64_t output_scale_parameters(ModelConfig const& m) {
  if (!m.add_weight_norm) return 0;
  return m.gate.kind == "switch" ? m.hidden_size : 1;
}

/// The residual block's linear gate and experts, all of which each token visits.
std::int64_t residual_parameters(ModelConfig const& m) {
  return m.hidden_size * (m.residual.num_experts + 3 * m.residual.intermediate_size);
}

}  // namespace

std::int64_t choices_per_token(ModelConfig const& model) {
  if (model.gate.kind == "switch") return 1;
  return model.gate.kind.starts_with("uniform") ? model.num_experts : model.top_k;
}

ParameterCount count_parameters(ModelConfig const& m) {
  auto const embeddings = m.vocab_size * m.hidden_size * (m.tie_word_embeddings ? 1 : 2);
  auto const per_layer =
      2 * m.hidden_size + attention_parameters(m) + gate_parameters(m) + output_scale_parameters(m) + residual_parameters(m);
  auto const shared = embeddings + m.hidden_size + m.num_layers * per_layer;
  ParameterCount count{shared, shared};
  for (auto const& widths : m.expert_widths) {
    auto const width = std::reduce(widths.begin(), widths.end());
    count.total += 3 * m.hidden_size * width;
    count.active += 3 * m.hidden_size * (width * choices_per_token(m) / m.num_experts);
  }
  return count;
}

}  // namespace moescope
