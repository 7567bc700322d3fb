#include <algorithm>

#include "traffic/calls.hpp"
#include "traffic/dispatch/dispatch_traffic.hpp"
#include "traffic/routed_choices.hpp"

namespace moescope::traffic {
namespace {

/// A visitor that adds up calls.
auto adding_to(std::vector<Volume>& volumes) {
  return [&volumes](Call const& call) {
    auto& volume = volumes[call.collective];
    volume.payload_bytes += call.payload_bytes;
    volume.messages += call.messages;
    ++volume.calls;
  };
}

}  // namespace

std::vector<Volume> step_volumes(RunConfig const& config, Layout const& layout, RoutedCounts const& counts, std::int64_t rank) {
  std::vector<Volume> volumes(collectives(config, layout).size());
  for_each_call(config, layout, counts, rank, adding_to(volumes));
  return volumes;
}

std::vector<Volume> EvenSteps::volumes(std::int64_t rank) {
  std::vector<Volume> volumes(exchanges_.list.size());
  for_each_call(rank, adding_to(volumes));
  return volumes;
}

std::vector<std::int64_t> peer_bytes(RunConfig const& config, Layout const& layout, RoutedCounts const& counts,
                                     std::int64_t rank) {
  check_shape(config, layout, counts);
  auto const& dispatch = dispatch_traffic(config.train.dispatcher);
  auto const weight_bytes = bytes_of(config.train.dtype), row_bytes = config.model.hidden_size * weight_bytes;
  // Forward D carries rows and weights and D^T rows; the backward of combine is D, of dispatch D^T, with weights' gradients.
  bool const backward = passes_of(config) == Passes::forward_and_backward;
  std::vector<std::int64_t> bytes(std::size_t(layout.ranks()));
  for (std::int64_t m = 0; m < counts.micro_steps; ++m) {
    for (std::int64_t router = 0; router < counts.layers; ++router) {
      auto const shape = router_shape(config, layout, m, rank, routed_choices(layout, counts, m, router, rank));
      for (auto const& rows : dispatch.peers(layout, rank, shape)) {
        auto const weights = rows.weights_out + (backward ? rows.weights_back : 0);
        bytes[std::size_t(rows.peer)] += (backward ? 2 : 1) * (rows.out + rows.back) * row_bytes + weights * weight_bytes;
      }
    }
  }
  return bytes;
}

ComputedRows computed_rows(RunConfig const& config, Layout const& layout, RoutedCounts const& counts, std::int64_t rank) {
  check_shape(config, layout, counts);
  auto const layers = std::size_t(counts.layers);
  ComputedRows computed{std::vector<std::int64_t>(layers), std::vector<std::int64_t>(layers)};
  for (std::int64_t m = 0; m < counts.micro_steps; ++m) {
    for (std::size_t layer = 0; layer < layers; ++layer) {
      auto const choices = routed_choices(layout, counts, m, std::int64_t(layer), rank);
      auto const gathered = gathered_rows(config.model, layout, rank, choices);
      computed.sum[layer] += gathered;
      computed.worst_micro_step[layer] = std::max(computed.worst_micro_step[layer], gathered);
    }
  }
  return computed;
}

}  // namespace moescope::traffic
