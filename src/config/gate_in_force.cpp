// What the gate of a model is, by its row and the configuration.
#include <algorithm>

#include "config/gate_kinds.hpp"
#include "config/loss_kinds.hpp"

namespace moescope {

using enum GateKind::Choices;

std::vector<GateTensor> gate_tensors(ModelConfig const& model) { return gate_kind(model).tensors(model); }

std::int64_t gate_parameters(ModelConfig const& model) {
  std::int64_t elements = 0;
  for (auto const& tensor : gate_tensors(model)) elements += tensor.rows * tensor.columns;
  return elements;
}

bool is_ragged(ModelConfig const& model) { return gate_kind(model).choices == ragged; }

std::vector<LossConfig> losses(ModelConfig const& model) {
  std::vector<LossConfig> all;
  if (model.gate.loss) all = *model.gate.loss;
  if (!model.gate.loss)
    for (auto const& own : gate_kind(model).losses) all.push_back({std::string(own.kind), own.weight, ""});
  for (auto& loss : all) {
    if (loss.pool.empty()) loss.pool = loss_kind(loss.kind).pool;
    if (loss.pool.empty()) loss.pool = model.gate.pool;
  }
  return all;
}

bool supplies(ModelConfig const& model, LossKind const& loss) {
  auto const tensors = gate_tensors(model);
  if ((loss.needs_affinity || loss.needs_logits) && tensors.empty()) return false;
  return loss.needs_tensor.empty() ||
         std::any_of(tensors.begin(), tensors.end(), [&](GateTensor const& tensor) { return tensor.name == loss.needs_tensor; });
}

std::string_view capacity_policy(ModelConfig const& model) {
  return model.capacity.policy.empty() ? gate_kind(model).capacity_policy : std::string_view(model.capacity.policy);
}

bool drops(ModelConfig const& model) { return capacity_policy(model) != "none"; }

std::string_view gate_network(ModelConfig const& model) {
  return model.gate.network.empty() ? gate_kind(model).network : model.gate.network;
}

std::string_view weight_at(ModelConfig const& model) {
  return model.gate.weight_at.empty() ? gate_kind(model).weight_at : model.gate.weight_at;
}

std::int64_t output_scale_columns(ModelConfig const& model) {
  return gate_kind(model).output_scale == GateKind::OutputScale::number ? 1 : model.hidden_size;
}

std::int64_t choices_per_token(ModelConfig const& model) {
  auto const choices = gate_kind(model).choices;
  if (choices == one) return 1;
  return choices == all ? model.num_experts : model.top_k;
}

}  // namespace moescope
