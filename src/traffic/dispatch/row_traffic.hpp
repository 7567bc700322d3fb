#pragma once
#include "traffic/dispatch/dispatch_traffic.hpp"

/// What the dispatchers that move one row for each kept choice have in common: dispatch/row_dispatcher.cpp is the other half.
namespace moescope::traffic::row_traffic {

/// Rows among the etp ranks that share an expert; those of dispatch carry their weights.
inline constexpr ExchangeSpec etp_exchanges[] = {
    {.name = names::etp_dispatch_forward, .axis = Axis::etp, .operation = Operation::all_gather},
    {.name = names::etp_dispatch_backward, .axis = Axis::etp, .operation = Operation::reduce_scatter, .pass = Pass::backward},
    {.name = names::etp_combine_forward, .axis = Axis::etp, .operation = Operation::reduce_scatter},
    {.name = names::etp_combine_backward, .axis = Axis::etp, .operation = Operation::all_gather, .pass = Pass::backward},
};
inline constexpr ExchangeSpec planning[] = {
    {.name = names::counts, .axis = Axis::expert_block, .operation = Operation::all_gather},
};

void forward(RouterShape const& shape, DispatchSizes const& sizes, Caller& caller);
void backward(RouterShape const& shape, DispatchSizes const& sizes, Caller& caller);
std::vector<PeerRows> peers(Layout const& layout, std::int64_t rank, RouterShape const& shape);

}  // namespace moescope::traffic::row_traffic
