#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.hpp"
#include "config/gate_kinds.hpp"
#include "config/settings.hpp"

namespace moescope {
namespace {

using Widths = std::vector<std::int64_t>;

std::int64_t divided(Settings const& given, std::string const& path, std::int64_t value, std::string const& divisor_path,
                     std::int64_t divisor, std::string const& instead) {
  if (value % divisor == 0) return value / divisor;
  refuse(given, path, value, fmt::format("must be a multiple of {} = {} where {} is not given", divisor_path, divisor, instead));
}

/// The experts that a section describes.
struct Experts {
  std::string section;
  std::int64_t count;
  std::int64_t& intermediate_size;
  std::vector<Widths>& widths;  ///< [num_layers], or one for all, or none
};
Experts routed(ModelConfig& m) { return {"model", m.num_experts, m.intermediate_size, m.expert_widths}; }
Experts residual(ModelConfig& m) {
  return {"residual", m.residual.num_experts, m.residual.intermediate_size, m.residual.expert_widths};
}

void derive_widths(Experts const& experts, std::int64_t num_layers, Settings const& given) {
  auto const path = experts.section + ".intermediate_size", instead = experts.section + ".expert_widths";
  if (experts.widths.empty() && experts.intermediate_size == 0)
    throw UserError(fmt::format("{} is missing; it must be at least 1 (or give {})", path, instead));
  if (experts.intermediate_size == 0) {
    experts.intermediate_size = std::reduce(experts.widths[0].begin(), experts.widths[0].end());
  } else if (experts.widths.empty()) {
    auto const width = divided(given, path, experts.intermediate_size, experts.section + ".num_experts", experts.count, instead);
    experts.widths.assign(1, Widths(experts.count, width));
  }
  if (experts.widths.size() == 1) experts.widths.resize(num_layers, Widths(experts.widths[0]));
}

template <class T>
void collapse_equal(std::vector<T>& per_layer) {
  if (std::adjacent_find(per_layer.begin(), per_layer.end(), std::not_equal_to<>()) == per_layer.end() && !per_layer.empty()) {
    per_layer.erase(per_layer.begin() + 1, per_layer.end());
  }
}

void forget_widths(Experts const& experts) {
  collapse_equal(experts.widths);
  bool const equal =
      experts.widths.size() == 1 && std::all_of(experts.widths[0].begin(), experts.widths[0].end(),
                                                [&](auto width) { return width * experts.count == experts.intermediate_size; });
  if (equal) experts.widths.clear();
}

}  // namespace

void derive(ModelConfig& m, Settings const& given) {
  if (m.num_kv_heads == 0) m.num_kv_heads = m.num_heads;
  if (m.head_dim == 0) {
    m.head_dim = divided(given, "model.hidden_size", m.hidden_size, "model.num_heads", m.num_heads, "model.head_dim");
  }
  derive_widths(routed(m), m.num_layers, given);
  if (m.residual.num_experts > 0) derive_widths(residual(m), m.num_layers, given);
  fill_layers(m);
  if (m.top_k == 0) m.top_k = choices_per_token(m);
  fill_from_kind(m);
}

void fill_from_kind(ModelConfig& m) {
  m.capacity.policy = capacity_policy(m);
  m.gate.network = gate_network(m);
  m.gate.weight_at = weight_at(m);
}

void fill_layers(ModelConfig& m) {
  if (m.residual.num_experts == 0) m.residual.expert_widths.assign(m.num_layers, {});
  for (auto* factors : {&m.score_scale_factor, &m.residual.score_scale_factor}) {
    if (factors->empty()) *factors = {1.0};
    if (factors->size() == 1) factors->resize(m.num_layers, factors->front());
  }
}

void forget_derived(ModelConfig& m) {
  if (m.num_kv_heads == m.num_heads) m.num_kv_heads = 0;
  if (m.head_dim * m.num_heads == m.hidden_size) m.head_dim = 0;
  if (m.capacity.policy == gate_kind(m).capacity_policy) m.capacity.policy.clear();
  if (m.gate.network == gate_kind(m).network) m.gate.network.clear();
  if (m.gate.weight_at == gate_kind(m).weight_at) m.gate.weight_at.clear();
  collapse_equal(m.score_scale_factor);
  collapse_equal(m.residual.score_scale_factor);
  for (auto const& experts : {routed(m), residual(m)}) forget_widths(experts);
}

}  // namespace moescope
