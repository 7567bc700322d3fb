#include <algorithm>
#include <array>
#include <iterator>

#include "traffic/dispatch/row_traffic.hpp"

namespace moescope::traffic {
namespace {

constexpr ExchangeSpec ep_exchanges[] = {
    {.name = names::dispatch_forward, .axis = Axis::ep, .operation = Operation::all_to_all},
    {.name = names::dispatch_backward, .axis = Axis::ep, .operation = Operation::all_to_all, .pass = Pass::backward},
    {.name = names::combine_forward, .axis = Axis::ep, .operation = Operation::all_to_all},
    {.name = names::combine_backward, .axis = Axis::ep, .operation = Operation::all_to_all, .pass = Pass::backward},
};

constexpr auto exchanges = [] {
  std::array<ExchangeSpec, std::size(ep_exchanges) + std::size(row_traffic::etp_exchanges)> all{};
  auto const next = std::copy(std::begin(ep_exchanges), std::end(ep_exchanges), all.begin());
  std::copy(std::begin(row_traffic::etp_exchanges), std::end(row_traffic::etp_exchanges), next);
  return all;
}();

}  // namespace

constexpr DispatchTraffic all_to_all_traffic = {.kind = "all_to_all",
                                                .exchanges = exchanges,
                                                .planning = row_traffic::planning,
                                                .forward = row_traffic::forward,
                                                .backward = row_traffic::backward,
                                                .peers = row_traffic::peers};

}  // namespace moescope::traffic
