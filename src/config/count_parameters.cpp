#include <numeric>

#include "config/gate_facts.hpp"
#include "config/model_config.hpp"

namespace moescope {
namespace {

std::int64_t attention_parameters(ModelConfig const& m) {
  return 2 * m.hidden_size * m.head_dim * (m.num_heads + m.num_kv_heads);
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
  auto const visits = gate_facts(model).visits;
  if (visits == GateFacts::Visits::one) return 1;
  return visits == GateFacts::Visits::all ? model.num_experts : model.top_k;
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
