#include "config/gate_kinds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "config/loss_kinds.hpp"

namespace moescope {
namespace {

using Names = std::string_view[];
using enum GateKind::Choices;
using Draws = GateKind::Draws;

std::vector<GateTensor> no_tensors(ModelConfig const&) { return {}; }

/// LLaMA-MoE's `create_gate_network`.
std::vector<GateTensor> network(ModelConfig const& model) {
  auto const experts = model.num_experts, hidden = model.hidden_size;
  std::vector<GateTensor> tensors{{.name = "gate_network.weight", .rows = experts, .columns = hidden}};
  if (model.gate.network == "linear_bias") tensors.push_back({.name = "gate_network.bias", .rows = 1, .columns = experts});
  if (model.gate.network != "mlp") return tensors;
  return {{.name = "gate_network.0.weight", .rows = experts, .columns = hidden},
          {.name = "gate_network.2.weight", .rows = experts, .columns = experts}};
}

std::vector<GateTensor> network_and_noise(ModelConfig const& model) {
  auto tensors = network(model);
  if (model.gate.add_noise)
    tensors.push_back(
        {.name = "weight_noise.weight", .rows = model.num_experts, .columns = model.hidden_size, .only_in_training = true});
  return tensors;
}

constexpr Names universal{"UniversalCalculator"}, uniform_or_universal{"UniformCalculator", "UniversalCalculator"},
    switch_drop_token{"SwitchDropTokenCalculator"};

constexpr Names keys_of_noisy_top_k{"model.top_k",    "gate.network",       "gate.use_softmax",
                                    "gate.add_noise", "gate.noise_epsilon", "gate.load_estimate"};
constexpr Names keys_of_switch{"gate.network", "gate.use_softmax", "gate.add_noise", "gate.switch_score",
                               "gate.switch_noise_in_eval"};
constexpr Names keys_of_uniform{"gate.use_softmax"}, keys_of_random{"model.top_k", "gate.use_softmax"},
    keys_of_uniform_learnable{"gate.network", "gate.use_softmax"},
    keys_of_random_learnable{"model.top_k", "gate.network", "gate.use_softmax"},
    keys_of_top_p{"model.top_k", "gate.network", "gate.top_p", "gate.normalise"};

constexpr OwnLoss loss_of_noisy_top_k[]{{"cv_squared", 0.01}}, loss_of_switch[]{{"switch", 0.01}};

constexpr GateKind rows[] = {
    {.name = "noisy_top_k",
     .published_name = "TopKBalancedNoisyGate",
     .reads_use_balance = true,
     .published_calculators = universal,
     .choices = top_k,
     .draws = Draws::noise,
     .weights_sum_to_one = true,
     .causal = true,
     .losses = loss_of_noisy_top_k,
     .keys = keys_of_noisy_top_k,
     .tensors = network_and_noise},
    {.name = "switch",
     .published_name = "SwitchBalancedGate",
     .published_calculators = switch_drop_token,
     .choices = one,
     .largest_top_k = 2,
     .draws = Draws::noise,
     .causal = true,
     .output_scale = GateKind::OutputScale::column_by_column,
     .score_scale_beside_output_scale = true,
     .losses = loss_of_switch,
     .capacity_policy = "random",
     .keys = keys_of_switch,
     .tensors = network},
    {.name = "uniform",
     .published_name = "UniformPlainGate",
     .published_calculators = uniform_or_universal,
     .choices = all,
     .weights_sum_to_one = true,
     .causal = true,
     .keys = keys_of_uniform,
     .tensors = no_tensors},
    {.name = "uniform_learnable",
     .published_name = "UniformLearnableGate",
     .published_calculators = uniform_or_universal,
     .choices = all,
     .weights_sum_to_one = true,
     .causal = true,
     .keys = keys_of_uniform_learnable,
     .tensors = network},
    {.name = "random",
     .published_name = "RandomPlainGate",
     .published_calculators = universal,
     .choices = top_k,
     .draws = Draws::choices,
     .causal = true,
     .keys = keys_of_random,
     .tensors = no_tensors},
    {.name = "random_learnable",
     .published_name = "RandomLearnableGate",
     .published_calculators = universal,
     .choices = top_k,
     .draws = Draws::choices,
     .weights_sum_to_one = true,
     .causal = true,
     .keys = keys_of_random_learnable,
     .tensors = network},
    {.name = "hash",
     .choices = top_k,
     .weights_sum_to_one = true,
     .causal = true,
     .keys = keys_of_random_learnable,
     .tensors = network},
    {.name = "top_p",
     .choices = ragged,
     .weights_sum_to_one = true,
     .causal = true,
     .keys = keys_of_top_p,
     .tensors = network},
};

constexpr auto row_names = [] {
  std::array<std::string_view, std::size(rows)> names;
  std::transform(std::begin(rows), std::end(rows), names.begin(), [](GateKind const& row) { return row.name; });
  return names;
}();

}  // namespace

std::span<GateKind const> all_gate_kinds() { return rows; }
std::span<std::string_view const> gate_kind_names() { return row_names; }

GateKind const& gate_kind(std::string_view name) {
  auto const* found = std::find_if(std::begin(rows), std::end(rows), [&](GateKind const& row) { return row.name == name; });
  if (found == std::end(rows))
    throw UserError(fmt::format("gate.kind '{}' is unknown; known kinds: {}", name, fmt::join(row_names, ", ")));
  return *found;
}

GateKind const& gate_kind(ModelConfig const& model) { return gate_kind(model.gate.kind); }

bool has_key(GateKind const& kind, std::string_view path) {
  return std::find(kind.keys.begin(), kind.keys.end(), path) != kind.keys.end();
}

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

std::string_view capacity_policy(ModelConfig const& model) {
  return model.capacity.policy.empty() ? gate_kind(model).capacity_policy : std::string_view(model.capacity.policy);
}

bool drops(ModelConfig const& model) { return capacity_policy(model) != "none"; }

std::int64_t output_scale_columns(ModelConfig const& model) {
  return gate_kind(model).output_scale == GateKind::OutputScale::number ? 1 : model.hidden_size;
}

std::int64_t choices_per_token(ModelConfig const& model) {
  auto const choices = gate_kind(model).choices;
  if (choices == one) return 1;
  return choices == all ? model.num_experts : model.top_k;
}

}  // namespace moescope
