#include "config/gate_kinds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/error.hpp"

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
  if (gate_network(model) == "linear_bias") tensors.push_back({.name = "gate_network.bias", .rows = 1, .columns = experts});
  if (gate_network(model) != "mlp") return tensors;
  return {{.name = "gate_network.0.weight", .rows = experts, .columns = hidden},
          {.name = "gate_network.2.weight", .rows = experts, .columns = experts}};
}

/// A number for each expert that is no parameter.
std::vector<GateTensor> network_and(ModelConfig const& model, std::string name, double initial) {
  auto tensors = network(model);
  tensors.push_back({.name = std::move(name), .rows = 1, .columns = model.num_experts, .trained = false, .initial = initial});
  return tensors;
}
std::vector<GateTensor> network_and_threshold(ModelConfig const& model) {
  return network_and(model, "threshold", 1.0 / double(model.num_experts));
}
std::vector<GateTensor> network_and_offset(ModelConfig const& model) { return network_and(model, "offset", 0); }
/// Of DeepSeek-V3.
std::vector<GateTensor> network_and_bias(ModelConfig const& model) { return network_and(model, "e_score_correction_bias", 0); }

std::vector<GateTensor> network_and_noise(ModelConfig const& model) {
  auto tensors = network(model);
  if (model.gate.add_noise)
    tensors.push_back(
        {.name = "weight_noise.weight", .rows = model.num_experts, .columns = model.hidden_size, .only_in_training = true});
  return tensors;
}

/// lambda starts as ReMoE's.
std::vector<GateTensor> network_and_lambda(ModelConfig const& model) {
  auto tensors = network(model);
  tensors.push_back({.name = "lambda", .rows = 1, .columns = 1, .trained = false, .initial = 1e-8});
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
    keys_of_top_p{"model.top_k", "gate.network", "gate.top_p", "gate.normalise"}, keys_of_base{"model.top_k", "gate.network"},
    keys_of_sinkhorn{"model.top_k", "gate.network", "gate.tolerance", "gate.iterations"},
    keys_of_expert_choice{"model.top_k", "gate.network", "gate.average_decay"},
    keys_of_quantile{"model.top_k", "gate.network", "gate.use_softmax", "gate.average_decay"};

constexpr Names keys_of_network{"model.top_k", "gate.network"}, keys_of_qwen_moe{"model.top_k", "gate.network", "gate.normalise"},
    keys_of_topology_limited{"model.top_k", "gate.network", "gate.normalise", "gate.num_groups", "gate.groups_kept"},
    keys_of_deepseek_v3{"model.top_k",      "gate.network",          "gate.normalise",     "gate.num_groups",
                        "gate.groups_kept", "gate.bias_update_rate", "gate.bias_zero_mean"},
    keys_of_switch_transformer{"gate.network", "gate.jitter"}, keys_of_shazeer{"model.top_k", "gate.network", "gate.add_noise"};

constexpr OwnLoss loss_of_noisy_top_k[]{{"cv_squared", 0.01}}, loss_of_switch[]{{"switch", 0.01}},
    loss_of_mixtral[]{{"switch", 0.02}}, loss_of_qwen_moe[]{{"switch", 0.001}}, loss_of_olmoe[]{{"switch", 0.01}},
    loss_of_topology_limited[]{{"switch", 0.003}}, loss_of_remoe[]{{"relu_l1", 1.0}}, loss_of_shazeer[]{{"cv_squared", 0.1}};

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
    {.name = "top_p", .choices = ragged, .weights_sum_to_one = true, .causal = true, .keys = keys_of_top_p, .tensors = network},
    {.name = "base", .choices = top_k, .gathers_scores = true, .keys = keys_of_base, .tensors = network},
    {.name = "sinkhorn", .choices = top_k, .gathers_scores = true, .keys = keys_of_sinkhorn, .tensors = network},
    {.name = "expert_choice",
     .choices = ragged,
     .gathers_scores = true,
     .updates = true,
     .keeps_pool_means = true,
     .keys = keys_of_expert_choice,
     .tensors = network_and_threshold},
    {.name = "quantile",
     .choices = top_k,
     .weights_sum_to_one = true,
     .causal = true,
     .gathers_scores = true,
     .updates = true,
     .keeps_pool_means = true,
     .keys = keys_of_quantile,
     .tensors = network_and_offset},
    {.name = "shazeer",
     .choices = top_k,
     .draws = Draws::noise,
     .weights_sum_to_one = true,
     .causal = true,
     .losses = loss_of_shazeer,
     .network = "linear",
     .keys = keys_of_shazeer,
     .tensors = network_and_noise},
    {.name = "switch_transformer",
     .choices = one,
     .draws = Draws::noise,
     .causal = true,
     .losses = loss_of_switch,
     .network = "linear",
     .capacity_policy = "position",
     .keys = keys_of_switch_transformer,
     .tensors = network},
    {.name = "gshard",
     .choices = ragged,
     .draws = Draws::choices,
     .causal = true,
     .losses = loss_of_switch,
     .network = "linear",
     .capacity_policy = "position",
     .keys = keys_of_network,
     .tensors = network},
    {.name = "mixtral",
     .choices = top_k,
     .weights_sum_to_one = true,
     .causal = true,
     .losses = loss_of_mixtral,
     .network = "linear",
     .keys = keys_of_network,
     .tensors = network},
    {.name = "qwen_moe",
     .choices = top_k,
     .weights_sum_to_one = true,
     .causal = true,
     .losses = loss_of_qwen_moe,
     .network = "linear",
     .keys = keys_of_qwen_moe,
     .tensors = network},
    {.name = "olmoe",
     .choices = top_k,
     .causal = true,
     .losses = loss_of_olmoe,
     .network = "linear",
     .keys = keys_of_network,
     .tensors = network},
    {.name = "gpt_oss",
     .choices = top_k,
     .weights_sum_to_one = true,
     .causal = true,
     .losses = loss_of_mixtral,
     .network = "linear_bias",
     .keys = keys_of_network,
     .tensors = network},
    {.name = "llama4",
     .choices = top_k,
     .causal = true,
     .losses = loss_of_qwen_moe,
     .network = "linear",
     .weight_at = "input",
     .keys = keys_of_network,
     .tensors = network},
    {.name = "topology_limited",
     .choices = top_k,
     .weights_sum_to_one = true,
     .causal = true,
     .losses = loss_of_topology_limited,
     .network = "linear",
     .keys = keys_of_topology_limited,
     .tensors = network},
    {.name = "deepseek_v3",
     .choices = top_k,
     .weights_sum_to_one = true,
     .causal = true,
     .network = "linear",
     .best_of_group = 2,
     .updates = true,
     .keys = keys_of_deepseek_v3,
     .tensors = network_and_bias},
    {.name = "remoe",
     .choices = ragged,
     .causal = true,
     .losses = loss_of_remoe,
     .network = "linear",
     .updates = true,
     .keys = keys_of_network,
     .tensors = network_and_lambda},
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

}  // namespace moescope
