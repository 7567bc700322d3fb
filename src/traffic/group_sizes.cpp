#include "traffic/group_sizes.hpp"

#include "config/gate_kinds.hpp"

namespace moescope::traffic {
namespace {

std::int64_t dense_size(ModelConfig const& model, Layout const& layout, std::int64_t rank) {
  auto const hidden = model.hidden_size;
  auto const vocabulary = layout.vocabulary(model, rank).size() * hidden * (model.tie_word_embeddings ? 1 : 2);
  auto const query_heads = layout.query_heads(model, rank).size(), kv_heads = layout.kv_heads(model, rank).size();
  auto const qkv_and_output = (2 * query_heads + 2 * kv_heads) * model.head_dim * hidden;
  return vocabulary + model.num_layers * (hidden + qkv_and_output) + hidden;
}

std::int64_t router_size(ModelConfig const& model) {
  auto const output_scale = model.add_weight_norm ? output_scale_columns(model) : 0;
  auto const residual = model.hidden_size * (model.residual.num_experts + 3 * model.residual.intermediate_size);
  return model.num_layers * (model.hidden_size + gate_parameters(model) + output_scale + residual);
}

std::int64_t expert_size(ModelConfig const& model, Layout const& layout, std::int64_t rank) {
  auto const experts = layout.experts(model, rank);
  std::int64_t columns = 0;
  for (auto const& widths : model.expert_widths)
    for (auto e = experts.begin; e < experts.end; ++e) columns += layout.expert_columns(widths[std::size_t(e)], rank).size();
  return 3 * model.hidden_size * columns;
}

}  // namespace

std::int64_t replicated_kv_parameters(ModelConfig const& model, Layout const& layout) {
  return 2 * std::int64_t(layout.replicated_kv_heads(model).size()) * model.head_dim * model.hidden_size;
}

GroupSizes group_sizes(ModelConfig const& model, Layout const& layout, std::int64_t rank) {
  return {dense_size(model, layout, rank), router_size(model), expert_size(model, layout, rank)};
}

}  // namespace moescope::traffic
