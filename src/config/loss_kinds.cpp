#include "config/loss_kinds.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/error.hpp"

namespace moescope {
namespace {

constexpr PoolCalls of_experts{.calls = 1, .per_expert = 2}, of_tokens{.calls = 1, .per_pool = 1};
constexpr std::string_view keys_of_device[]{"gate.num_groups"};

constexpr LossKind rows[] = {
    {.name = "cv_squared", .sums = of_experts, .of_weights = true},
    {.name = "switch", .sums = of_experts, .needs_affinity = true, .of_shares = true},
    {.name = "gshard", .sums = of_experts, .needs_affinity = true, .of_shares = true},
    {.name = "sequence", .sums = of_experts, .needs_affinity = true, .of_shares = true, .pool = "sequence"},
    {.name = "device", .sums = of_experts, .needs_affinity = true, .of_shares = true, .keys = keys_of_device},
    {.name = "layer_pooled", .sums = of_experts, .needs_affinity = true, .of_shares = true, .joins_layers = true},
    {.name = "z", .sums = of_tokens, .needs_logits = true},
    {.name = "entropy", .sums = of_tokens, .needs_affinity = true},
    {.name = "relu_l1", .sums = of_experts, .needs_affinity = true, .needs_tensor = "lambda"},
};

constexpr auto row_names = [] {
  std::array<std::string_view, std::size(rows)> names;
  std::transform(std::begin(rows), std::end(rows), names.begin(), [](LossKind const& row) { return row.name; });
  return names;
}();

}  // namespace

std::span<LossKind const> all_loss_kinds() { return rows; }
std::span<std::string_view const> loss_kind_names() { return row_names; }

LossKind const& loss_kind(std::string_view name) {
  auto const* found = std::find_if(std::begin(rows), std::end(rows), [&](LossKind const& row) { return row.name == name; });
  if (found == std::end(rows))
    throw UserError(fmt::format("gate.loss '{}' is unknown; known kinds: {}", name, fmt::join(row_names, ", ")));
  return *found;
}

}  // namespace moescope
