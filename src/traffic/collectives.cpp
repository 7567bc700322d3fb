#include <algorithm>
#include <array>
#include <span>

#include "config/forced_workloads.hpp"
#include "config/gate_kinds.hpp"
#include "layout/shared_pools.hpp"
#include "tensors/tensor.hpp"
#include "traffic/dispatch/dispatch_traffic.hpp"
#include "traffic/exchange_spec.hpp"

namespace moescope::traffic {
namespace {

using enum Axis;
using enum Operation;
using enum Pass;

template <RouterPoolCalls::Operation operation, Axis axis>
bool reaches_pools(RunConfig const& config, Layout const& layout) {
  auto const calls = pool_calls(config.model, config.train.mode == "train" && !is_forced(config));
  return std::any_of(calls.begin(), calls.end(), [&](RouterPoolCalls const& each) {
    return each.operation == operation && shares_pools(config, layout, each.pool, axis);
  });
}
constexpr auto sum = RouterPoolCalls::Operation::sum, gather = RouterPoolCalls::Operation::gather;
/// Where no rank of a dp group saw the others' pools.
bool sums_statistics(RunConfig const& config, Layout const& layout) {
  auto const all = losses(config.model);
  return std::any_of(all.begin(), all.end(),
                     [&](LossConfig const& loss) { return step_pool_axis(config, layout, loss.pool) == tp; });
}
bool updates_gates(RunConfig const& config, Layout const&) { return gate_kind(config.model).updates; }
bool shares_kv_heads(RunConfig const& config, Layout const& layout) { return !layout.replicated_kv_heads(config.model).empty(); }

constexpr ExchangeSpec tensor_parallel[] = {
    {.name = names::embedding, .axis = tp, .operation = all_reduce},
    {.name = names::attention_forward, .axis = tp, .operation = all_reduce},
    {.name = names::attention_backward, .axis = tp, .operation = all_reduce, .pass = backward},
    {.name = names::block_forward, .axis = tp, .operation = all_gather},
    {.name = names::block_backward, .axis = tp, .operation = all_gather, .pass = backward},
    {.name = names::loss_maximum, .axis = tp, .operation = all_reduce},
    {.name = names::loss_sums, .axis = tp, .operation = all_reduce},
    {.name = names::head_backward, .axis = tp, .operation = all_reduce, .pass = backward},
};

constexpr ExchangeSpec pools[] = {
    {.name = names::tp_pool_sum, .axis = tp, .operation = all_reduce, .needed = reaches_pools<sum, tp>},
    {.name = names::tp_pool_gather, .axis = tp, .operation = all_gather, .needed = reaches_pools<gather, tp>},
    {.name = names::stage_pool_sum, .axis = stage, .operation = all_reduce, .needed = reaches_pools<sum, stage>},
    {.name = names::stage_pool_gather, .axis = stage, .operation = all_gather, .needed = reaches_pools<gather, stage>},
};

std::vector<ExchangeSpec> gradients() {
  std::vector<ExchangeSpec> all;
  for (auto const& group : tensor_groups)
    if (group.trained) all.push_back({.name = group.gradients, .axis = group.axis, .operation = all_reduce, .pass = backward});
  return all;
}

constexpr ExchangeSpec shared_gradients[] = {
    {.name = names::kv_gradients, .axis = tp, .operation = all_reduce, .pass = backward, .needed = shares_kv_heads},
};

constexpr ExchangeSpec control[] = {
    {.name = names::labels, .axis = dp, .operation = all_reduce},
    {.name = names::loss, .axis = dp, .operation = all_reduce},
    {.name = names::gate_statistics, .axis = dp, .operation = all_reduce, .needed = sums_statistics},
    {.name = names::gate_choices, .axis = stage, .operation = all_reduce, .pass = backward, .needed = updates_gates},
    {.name = names::gradient_norm, .axis = world, .operation = all_reduce, .pass = backward},
};

using Dispatchers = std::span<DispatchTraffic const* const>;

void add_new(std::span<ExchangeSpec const> part, std::vector<ExchangeSpec>& all) {
  for (auto const& exchange : part) {
    auto const same = [&](ExchangeSpec const& other) { return other.name == exchange.name; };
    if (std::none_of(all.begin(), all.end(), same)) all.push_back(exchange);
  }
}

/// Every table, in the order of the `/collective` scale; dispatchers may share exchanges.
std::vector<ExchangeSpec> all_exchanges(Dispatchers dispatchers) {
  std::vector<ExchangeSpec> all;
  add_new(tensor_parallel, all);
  for (auto const* dispatch : dispatchers) add_new(dispatch->exchanges, all);
  add_new(pools, all);
  add_new(gradients(), all);
  add_new(shared_gradients, all);
  for (auto const* dispatch : dispatchers) add_new(dispatch->planning, all);
  add_new(control, all);
  return all;
}

Collective collective_of(ExchangeSpec const& exchange) { return {std::string(exchange.name), exchange.axis, exchange.operation}; }

bool executed(ExchangeSpec const& exchange, RunConfig const& config, Layout const& layout, Passes passes) {
  bool const in_passes = exchange.pass == forward || passes == Passes::forward_and_backward;
  return in_passes && layout.size(exchange.axis) > 1 && (!exchange.needed || exchange.needed(config, layout));
}

}  // namespace

char const* name(Operation operation) {
  constexpr std::array<char const*, 4> operation_names = {"all_reduce", "all_gather", "reduce_scatter", "all_to_all"};
  return operation_names[std::size_t(operation)];
}

Passes passes_of(RunConfig const& config) {
  return config.train.mode == "train" ? Passes::forward_and_backward : Passes::forward;
}

std::int64_t reduction_calls(std::int64_t bytes, std::int64_t piece_bytes) {
  return std::max<std::int64_t>(1, (bytes + piece_bytes - 1) / piece_bytes);
}

std::vector<Collective> const& every_collective() {
  static auto const list = [] {
    std::vector<Collective> result;
    for (auto const& exchange : all_exchanges(all_dispatch_traffic())) result.push_back(collective_of(exchange));
    return result;
  }();
  return list;
}

std::vector<ExchangeSpec> executed_exchanges(RunConfig const& config, Layout const& layout, Passes passes) {
  auto const* const dispatch = &dispatch_traffic(config.train.dispatcher);
  auto exchanges = all_exchanges({&dispatch, 1});
  std::erase_if(exchanges, [&](ExchangeSpec const& exchange) { return !executed(exchange, config, layout, passes); });
  return exchanges;
}

StepExchanges::StepExchanges(RunConfig const& config, Layout const& layout)
    : list(executed_exchanges(config, layout, passes_of(config))) {
  for (std::size_t i = 0; i < list.size(); ++i) index.emplace(list[i].name, i);
}

std::vector<Collective> collectives(RunConfig const& config, Layout const& layout, Passes passes) {
  std::vector<Collective> result;
  for (auto const& exchange : executed_exchanges(config, layout, passes)) result.push_back(collective_of(exchange));
  return result;
}

std::vector<Collective> collectives(RunConfig const& config, Layout const& layout) {
  return collectives(config, layout, passes_of(config));
}

}  // namespace moescope::traffic
