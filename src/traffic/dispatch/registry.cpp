#include "base/error.hpp"
#include "traffic/dispatch/dispatch_traffic.hpp"

namespace moescope::traffic {
namespace {

constexpr DispatchTraffic const* kinds[] = {&all_to_all_traffic, &local_traffic, &all_gather_traffic};

}  // namespace

std::span<DispatchTraffic const* const> all_dispatch_traffic() { return kinds; }

DispatchTraffic const& dispatch_traffic(std::string_view kind) {
  for (auto const* each : kinds)
    if (each->kind == kind) return *each;
  MOESCOPE_CHECK(!"a known dispatcher");
  return *kinds[0];
}

}  // namespace moescope::traffic
