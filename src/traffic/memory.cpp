#include "traffic/memory.hpp"

#include <algorithm>

#include "config/routers.hpp"
#include "tensors/group_sizes.hpp"
#include "tensors/tensor.hpp"
#include "traffic/even_routing.hpp"
#include "traffic/router_shape.hpp"
#include "traffic/traffic.hpp"

namespace moescope::traffic {
namespace {

/// Elements kept per row computed in one layer: input, gate and up, hidden, output (width: the mean of local columns).
std::int64_t expert_elements(ModelConfig const& model, Layout const& layout, std::int64_t rank, std::int64_t layer,
                             std::int64_t rows) {
  auto const experts = layout.experts(model, rank);
  std::int64_t columns = 0;
  for (auto e = experts.begin; e < experts.end; ++e)
    columns += layout.expert_columns(model.expert_widths[std::size_t(layer)][std::size_t(e)], rank).size();
  return rows * (2 * model.hidden_size + 3 * columns / experts.size());
}

/// Elements kept in one layer for T tokens of the rank's sequences, O of them owned: input, normed, attention's sum and
/// qkv, context, log-sum-exp per token; normed and combined per owned token.
std::int64_t token_elements(ModelConfig const& model, Layout const& layout, std::int64_t rank, std::int64_t tokens) {
  auto const queries = layout.query_heads(model, rank).size(), keys = layout.kv_heads(model, rank).size();
  auto const attention = (2 * queries + 2 * keys) * model.head_dim + queries;
  auto const owned = layout.owned_tokens(tokens, rank).size();
  auto const residual = model.residual.num_experts * 2 * model.hidden_size + 3 * model.residual.intermediate_size;
  return tokens * (3 * model.hidden_size + attention) + owned * (2 * model.hidden_size + residual);
}

std::int64_t activation_elements(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank) {
  auto const& model = config.model;
  auto const tokens = layout.sequences(config.batch, micro_step, rank).size() * config.batch.sequence_length;
  auto const rows = gathered_rows(model, layout, rank, even_choices(config, layout, micro_step, rank));
  auto elements = tokens * (2 * model.hidden_size + layout.vocabulary(model, rank).size());  // final norm and logits
  for (auto const& router : routers(model))
    elements += token_elements(model, layout, rank, tokens) + expert_elements(model, layout, rank, router.layer, rows);
  return elements;
}

}  // namespace

Memory memory_estimate(RunConfig const& config, Layout const& layout, std::int64_t rank) {
  auto const scalar = bytes_of(config.train.dtype);
  auto const sizes = group_sizes(config.model, layout, rank);
  std::int64_t parameters = 0, trained = 0;
  for (std::size_t g = 0; g < sizes.size(); ++g) {
    parameters += sizes[g] * scalar;
    if (config.train.mode == "train" && tensor_groups[g].trained) trained += sizes[g] * scalar;
  }
  std::int64_t activations = 0;
  for (std::int64_t m = 0; m < config.batch.micro_steps; ++m)
    activations = std::max(activations, activation_elements(config, layout, m, rank));
  return {parameters, trained, 2 * trained, activations * scalar};
}

}  // namespace moescope::traffic
