#include "base/error.hpp"
#include "config/routers.hpp"
#include "traffic/dispatch/dispatch_traffic.hpp"

namespace moescope::traffic {
namespace {

constexpr DispatchTraffic const* kinds[] = {&all_to_all_traffic, &local_traffic, &all_gather_traffic};

}  // namespace

DispatchSizes dispatch_sizes(RunConfig const& config) {
  auto const& number = scalar(config.train.dtype);
  auto const hidden = config.model.hidden_size, experts = router_extents(config.model).experts;
  return {.row = hidden * number.stored,
          .weight = number.accumulated,
          .weighted_sum = (hidden + 1) * number.accumulated,
          .experts = experts * std::int64_t(sizeof(std::int64_t))};
}

std::span<DispatchTraffic const* const> all_dispatch_traffic() { return kinds; }

DispatchTraffic const& dispatch_traffic(std::string_view kind) {
  for (auto const* each : kinds)
    if (each->kind == kind) return *each;
  MOESCOPE_CHECK(!"a known dispatcher");
  return *kinds[0];
}

}  // namespace moescope::traffic
