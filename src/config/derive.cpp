#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.hpp"
#include "config/settings.hpp"

namespace moescope {
namespace {

using Widths = std::vector<std::int64_t>;

std::int64_t divided(Settings const& given, std::string const& path, std::int64_t value, std::string const& divisor_path,
                     std::int64_t divisor, std::string const& instead) {
  if (value % divisor == 0) return value / divisor;
  refuse(given, path, value, fmt::format("must be a multiple of {} = {} where {} is not given", divisor_path, divisor, instead));
}

void derive_widths(ModelConfig& m, Settings const& given) {
  if (m.expert_widths.empty() && m.intermediate_size == 0) {
    throw UserError("model.intermediate_size is missing; it must be at least 1 (or give model.expert_widths)");
  }
  if (m.intermediate_size == 0) {
    m.intermediate_size = std::reduce(m.expert_widths[0].begin(), m.expert_widths[0].end());
  } else if (m.expert_widths.empty()) {
    auto const width =
        divided(given, "model.intermediate_size", m.intermediate_size, "model.num_experts", m.num_experts, "model.expert_widths");
    m.expert_widths.assign(1, Widths(m.num_experts, width));
  }
  if (m.expert_widths.size() == 1) m.expert_widths.resize(m.num_layers, Widths(m.expert_widths[0]));
}

template <class T>
void collapse_equal(std::vector<T>& per_layer) {
  if (std::adjacent_find(per_layer.begin(), per_layer.end(), std::not_equal_to<>()) == per_layer.end() && !per_layer.empty()) {
    per_layer.erase(per_layer.begin() + 1, per_layer.end());
  }
}

}  // namespace

void derive(ModelConfig& m, Settings const& given) {
  if (m.num_kv_heads == 0) m.num_kv_heads = m.num_heads;
  if (m.head_dim == 0) {
    m.head_dim = divided(given, "model.hidden_size", m.hidden_size, "model.num_heads", m.num_heads, "model.head_dim");
  }
  derive_widths(m, given);
  for (auto* factors : {&m.score_scale_factor, &m.residual.score_scale_factor}) {
    if (factors->empty()) *factors = {1.0};
    if (factors->size() == 1) factors->resize(m.num_layers, factors->front());
  }
}

void forget_derived(ModelConfig& m) {
  if (m.num_kv_heads == m.num_heads) m.num_kv_heads = 0;
  if (m.head_dim * m.num_heads == m.hidden_size) m.head_dim = 0;
  collapse_equal(m.score_scale_factor);
  collapse_equal(m.residual.score_scale_factor);
  collapse_equal(m.expert_widths);
  bool const equal_widths =
      m.expert_widths.size() == 1 && std::all_of(m.expert_widths[0].begin(), m.expert_widths[0].end(),
                                                 [&](auto w) { return w * m.num_experts == m.intermediate_size; });
  if (equal_widths) m.expert_widths.clear();
}

}  // namespace moescope
