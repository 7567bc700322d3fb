#include "run/worst_imbalance.hpp"

#include <algorithm>
#include <span>

#include "config/routers.hpp"
#include "metrics/imbalance.hpp"
#include "record/rows.hpp"

namespace moescope {

double worst_imbalance(RunConfig const& config, StepReport const& report) {
  auto const routed = record::routed_counts(config, report);
  auto const experts = std::size_t(router_extents(config.model).experts);
  double worst = 0;
  for (std::size_t begin = 0; begin < routed.size(); begin += experts)
    worst = std::max(worst, metrics::max_over_mean(std::span(routed).subspan(begin, experts)));
  return worst;
}

}  // namespace moescope
