#include "traffic/dispatch/row_traffic.hpp"

namespace moescope::traffic::row_traffic {

void forward(RouterShape const& shape, DispatchSizes const& sizes, Caller& caller) {
  caller.call(names::counts, std::int64_t(shape.block->choices.size()) * sizes.experts);
  auto const weighted_row = sizes.row + sizes.weight;
  caller.call_rows(names::dispatch_forward, shape.send, shape.receive, weighted_row);
  caller.call(names::etp_dispatch_forward, shape.gathered * weighted_row);
  caller.call(names::etp_combine_forward, shape.gathered * sizes.row);
  caller.call_rows(names::combine_forward, shape.receive, shape.send, sizes.row);
}

void backward(RouterShape const& shape, DispatchSizes const& sizes, Caller& caller) {
  caller.call_rows(names::combine_backward, shape.send, shape.receive, sizes.row);
  caller.call(names::etp_combine_backward, shape.gathered * sizes.row);
  auto const weighted_row = sizes.row + sizes.weight;
  caller.call(names::etp_dispatch_backward, shape.gathered * weighted_row);
  caller.call_rows(names::dispatch_backward, shape.receive, shape.send, weighted_row);
}

std::vector<PeerRows> peers(Layout const& layout, std::int64_t rank, RouterShape const& shape) {
  std::vector<PeerRows> result;
  for (auto const peer : layout.members(Axis::ep, rank)) {
    auto const out = shape.send.rows[result.size()], back = shape.receive.rows[result.size()];
    result.push_back({.peer = peer, .out = out, .back = back, .weights_out = out, .weights_back = back});
  }
  return result;
}

}  // namespace moescope::traffic::row_traffic
