#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "traffic/caller.hpp"
#include "traffic/peer_rows.hpp"
#include "traffic/router_shape.hpp"

namespace moescope::traffic {

/// Bytes of what a dispatcher moves.
struct DispatchSizes {
  std::int64_t row;           ///< one token's hidden state
  std::int64_t weight;        ///< one choice's weight
  std::int64_t weighted_sum;  ///< both where they are added, in one row of sums
  std::int64_t experts;       ///< a number of choices for each expert: what one rank tells the others of its routing
};
DispatchSizes dispatch_sizes(RunConfig const& config);

/// The pure half of a dispatcher kind (dispatch/<kind>.cpp is the other): what it exchanges in one router of one micro-step.
/// A test compares the order of its calls with the order in which the other half makes them.
struct DispatchTraffic {
  std::string_view kind;                    ///< as `train.dispatcher` has it
  std::span<ExchangeSpec const> exchanges;  ///< of rows and weights, in the order of the `/collective` scale
  std::span<ExchangeSpec const> planning;   ///< of what the plan is made from, likewise
  /// The plan; then rows and weights to the experts, and the experts' outputs back.
  void (*forward)(RouterShape const& shape, DispatchSizes const& sizes, Caller& caller);
  /// Gradients of the outputs to the experts, and those of weights and rows back.
  void (*backward)(RouterShape const& shape, DispatchSizes const& sizes, Caller& caller);
  std::vector<PeerRows> (*peers)(Layout const& layout, std::int64_t rank, RouterShape const& shape);
};

std::span<DispatchTraffic const* const> all_dispatch_traffic();
/// The row of a kind, which validation has checked.
DispatchTraffic const& dispatch_traffic(std::string_view kind);

/// One for each file in this folder.
extern DispatchTraffic const local_traffic, all_to_all_traffic, all_gather_traffic;

}  // namespace moescope::traffic
