#include "traffic/dispatch/dispatch_traffic.hpp"

namespace moescope::traffic {
namespace {

using enum Axis;
using enum Operation;
using enum Pass;

constexpr std::int64_t number_bytes = 8;  // an int64 or a double

constexpr ExchangeSpec exchanges[] = {
    {.name = names::block_dispatch_forward, .axis = expert_block, .operation = all_gather},
    {.name = names::block_dispatch_backward, .axis = expert_block, .operation = reduce_scatter, .pass = Pass::backward},
    {.name = names::block_combine_forward, .axis = expert_block, .operation = reduce_scatter},
    {.name = names::block_combine_backward, .axis = expert_block, .operation = all_gather, .pass = Pass::backward},
    {.name = names::block_weights_forward, .axis = expert_block, .operation = all_gather},
    {.name = names::block_weights_backward, .axis = expert_block, .operation = reduce_scatter, .pass = Pass::backward},
};
constexpr ExchangeSpec planning[] = {
    {.name = names::counts, .axis = expert_block, .operation = all_gather},
    {.name = names::tokens, .axis = expert_block, .operation = all_gather},
    {.name = names::choices, .axis = expert_block, .operation = all_gather},
};

void forward_calls(RouterShape const& shape, DispatchSizes const& sizes, Caller& caller) {
  auto const members = std::int64_t(shape.block->tokens.size());
  caller.call(names::counts, members * sizes.experts);
  caller.call(names::tokens, members * number_bytes);
  caller.call(names::choices, shape.block->all_choices * number_bytes);
  caller.call(names::block_dispatch_forward, shape.block->all_tokens * sizes.row);
  caller.call(names::block_weights_forward, shape.block->all_choices * sizes.weight);
  caller.call(names::block_combine_forward, shape.block->all_tokens * sizes.row);
}

void backward_calls(RouterShape const& shape, DispatchSizes const& sizes, Caller& caller) {
  caller.call(names::block_combine_backward, shape.block->all_tokens * sizes.row);
  caller.call(names::block_weights_backward, shape.block->all_choices * sizes.weight);
  caller.call(names::block_dispatch_backward, shape.block->all_tokens * sizes.row);
}

std::vector<PeerRows> peers(Layout const& layout, std::int64_t rank, RouterShape const& shape) {
  auto const self = std::size_t(layout.coordinate(expert_block, rank));
  std::vector<PeerRows> result;
  for (auto const peer : layout.members(expert_block, rank)) {
    auto const i = result.size();
    result.push_back({.peer = peer,
                      .out = shape.block->tokens[self],
                      .back = shape.block->tokens[i],
                      .weights_out = shape.block->choices[self],
                      .weights_back = shape.block->choices[i]});
  }
  return result;
}

}  // namespace

constexpr DispatchTraffic all_gather_traffic = {.kind = "all_gather",
                                                .exchanges = exchanges,
                                                .planning = planning,
                                                .forward = forward_calls,
                                                .backward = backward_calls,
                                                .peers = peers};

}  // namespace moescope::traffic
