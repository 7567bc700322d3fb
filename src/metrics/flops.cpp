#include "metrics/flops.hpp"

#include <limits>

#include "config/routers.hpp"
#include "tensors/parameter_counts.hpp"

namespace moescope::metrics {

StepFlops step_flops(ModelConfig const& model, std::int64_t tokens, std::int64_t sequence_length) {
  PartElements const elements(model);
  auto const count = parameter_counts(model, elements);
  double const per_parameter = 6.0 * double(tokens);
  double const table = double(elements[Part::embedding]);
  double const looked_up = model.tie_word_embeddings ? 0 : table;  // tied, the table is also the head's matrix
  double const queries = double(num_attention_layers(model)) * double(model.num_heads * model.head_dim);
  double const causal_scores = per_parameter * queries * double(sequence_length);
  double const experts = chosen_expert_elements(model, elements) + double(elements[Part::residual_expert]);
  double const products = double(elements[Part::attention]) + experts + table;
  return {per_parameter * products + causal_scores, per_parameter * (count.active - looked_up) + 2 * causal_scores,
          per_parameter * count.active, per_parameter * double(count.total)};
}

double flops_utilization(double flops, double seconds, double peak) {
  return peak > 0 ? flops / (seconds * peak) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace moescope::metrics
