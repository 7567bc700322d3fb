#include "metrics/flops.hpp"

#include <limits>
#include <numeric>

#include "config/gate_kinds.hpp"

namespace moescope::metrics {
namespace {

/// Three projections of the mean active width, all layers. Idle parameters are the experts that a token does not use.
double active_expert_parameters(ModelConfig const& model) {
  std::int64_t width = 0;
  for (auto const& widths : model.expert_widths) width += std::accumulate(widths.begin(), widths.end(), std::int64_t{0});
  auto const count = count_parameters(model);
  width += model.num_layers * model.residual.intermediate_size;
  return 3.0 * double(model.hidden_size) * double(width) - double(count.total - count.active);
}

double attention_parameters(ModelConfig const& model) {
  auto const heads = 2 * (model.num_heads + model.num_kv_heads);  // q and o, k and v
  return double(model.num_layers) * double(heads * model.head_dim) * double(model.hidden_size);
}

}  // namespace

std::int64_t active_parameters(ModelConfig const& model) {
  std::int64_t idle_in_evaluation = 0;
  for (auto const& tensor : gate_tensors(model))
    if (tensor.only_in_training) idle_in_evaluation += tensor.rows * tensor.columns;
  return count_parameters(model).active - model.num_layers * idle_in_evaluation;
}

StepFlops step_flops(ModelConfig const& model, std::int64_t tokens, std::int64_t sequence_length) {
  double const per_parameter = 6.0 * double(tokens);
  double const table = double(model.vocab_size) * double(model.hidden_size);
  double const looked_up = model.tie_word_embeddings ? 0 : table;  // tied, the table is also the head's matrix
  double const queries = double(model.num_layers) * double(model.num_heads * model.head_dim);
  double const causal_scores = per_parameter * queries * double(sequence_length);
  double const products = attention_parameters(model) + active_expert_parameters(model) + table;
  auto const active = double(active_parameters(model));
  return {per_parameter * products + causal_scores, per_parameter * (active - looked_up) + 2 * causal_scores,
          per_parameter * active, per_parameter * double(count_parameters(model).total)};
}

double flops_utilization(double flops, double seconds, double peak) {
  return peak > 0 ? flops / (seconds * peak) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace moescope::metrics
