#include <numeric>

#include "config/gate_kinds.hpp"
#include "config/model_config.hpp"

namespace moescope {
namespace {

std::int64_t attention_parameters(ModelConfig const& m) {
  return 2 * m.hidden_size * m.head_dim * (m.num_heads + m.num_kv_heads);
}

std::int64_t output_scale_parameters(ModelConfig const& m) { return m.add_weight_norm ? output_scale_columns(m) : 0; }

/// The residual block's linear gate and experts, all of which each token visits.
std::int64_t residual_parameters(ModelConfig const& m) {
  return m.hidden_size * (m.residual.num_experts + 3 * m.residual.intermediate_size);
}

}  // namespace

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
