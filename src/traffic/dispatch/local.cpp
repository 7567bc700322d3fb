#include "traffic/dispatch/row_traffic.hpp"

namespace moescope::traffic {

constexpr DispatchTraffic local_traffic = {.kind = "local",
                                           .exchanges = row_traffic::etp_exchanges,
                                           .planning = row_traffic::planning,
                                           .forward = row_traffic::forward,
                                           .backward = row_traffic::backward,
                                           .peers = row_traffic::peers};

}  // namespace moescope::traffic
