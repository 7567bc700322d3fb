#include <array>

#include "base/error.hpp"
#include "config/dispatcher_kinds.hpp"
#include "config/gate_kinds.hpp"
#include "traffic/group_sizes.hpp"
#include "traffic/traffic.hpp"

namespace moescope::traffic {
namespace {

using enum Axis;
using enum Operation;

enum class When { always, training };

struct Entry {
  std::string_view name;
  Axis axis;
  Operation operation;
  When when = When::always;
};

/// In the order of the `/collective` scale.
constexpr Entry all_entries[] = {
    {names::embedding, tp, all_reduce},
    {names::attention_forward, tp, all_reduce},
    {names::attention_backward, tp, all_reduce, When::training},
    {names::block_forward, tp, all_gather},
    {names::block_backward, tp, all_gather, When::training},
    {names::loss_maximum, tp, all_reduce},
    {names::loss_sums, tp, all_reduce},
    {names::head_backward, tp, all_reduce, When::training},
    {names::dispatch_forward, ep, all_to_all},
    {names::dispatch_backward, ep, all_to_all, When::training},
    {names::combine_forward, ep, all_to_all},
    {names::combine_backward, ep, all_to_all, When::training},
    {names::weights_forward, ep, all_to_all},
    {names::weights_backward, ep, all_to_all, When::training},
    {names::etp_dispatch_forward, etp, all_gather},
    {names::etp_dispatch_backward, etp, reduce_scatter, When::training},
    {names::etp_combine_forward, etp, reduce_scatter},
    {names::etp_combine_backward, etp, all_gather, When::training},
    {names::etp_weights_forward, etp, all_gather},
    {names::etp_weights_backward, etp, reduce_scatter, When::training},
    {names::block_dispatch_forward, expert_block, all_gather},
    {names::block_dispatch_backward, expert_block, reduce_scatter, When::training},
    {names::block_combine_forward, expert_block, reduce_scatter},
    {names::block_combine_backward, expert_block, all_gather, When::training},
    {names::block_weights_forward, expert_block, all_gather},
    {names::block_weights_backward, expert_block, reduce_scatter, When::training},
    {names::pool_sum, world, all_reduce},
    {names::pool_gather, world, all_gather},
    {names::dense_gradients, dp, all_reduce, When::training},
    {names::router_gradients, world, all_reduce, When::training},
    {names::expert_gradients, edp, all_reduce, When::training},
    {names::kv_gradients, tp, all_reduce, When::training},
    {names::counts, expert_block, all_gather},
    {names::tokens, expert_block, all_gather},
    {names::choices, expert_block, all_gather},
    {names::labels, dp, all_reduce},
    {names::loss, dp, all_reduce},
    {names::gradient_norm, world, all_reduce, When::training},
    {names::checksums, world, all_gather, When::training},
};

/// Whether model and dispatcher, beside mode and group size, ask for an exchange.
bool needed(std::string_view name, RunConfig const& config, Layout const& layout) {
  auto const& model = config.model;
  bool const gathers_tokens = dispatcher_kind(config.train.dispatcher).moves == DispatcherKind::Moves::tokens;
  if (name.starts_with("ep.") || name.starts_with("etp.")) return !gathers_tokens;
  if (name.starts_with("block.") || name == names::tokens || name == names::choices) return gathers_tokens;
  if (name == names::pool_sum) return gate_kind(model).sums.calls > 0;
  if (name == names::pool_gather) return pool_gathers(model).calls > 0;
  if (name == names::kv_gradients) return !layout.replicated_kv_heads(model).empty();
  return true;
}

}  // namespace

char const* name(Operation operation) {
  constexpr std::array<char const*, 4> operation_names = {"all_reduce", "all_gather", "reduce_scatter", "all_to_all"};
  return operation_names[std::size_t(operation)];
}

std::vector<Collective> const& every_collective() {
  static auto const list = [] {
    std::vector<Collective> result;
    for (auto const& entry : all_entries) result.push_back({std::string(entry.name), entry.axis, entry.operation});
    return result;
  }();
  return list;
}

std::vector<Collective> collectives(RunConfig const& config, Layout const& layout) {
  bool const training = config.train.mode == "train";
  std::vector<Collective> result;
  for (auto const& entry : all_entries) {
    bool const executed = layout.size(entry.axis) > 1 && (training || entry.when == When::always);
    if (executed && needed(entry.name, config, layout)) result.push_back({std::string(entry.name), entry.axis, entry.operation});
  }
  return result;
}

}  // namespace moescope::traffic
