#include "traffic/routed_choices.hpp"

#include <numeric>

#include "base/error.hpp"
#include "config/routers.hpp"

namespace moescope::traffic {

void check_shape(RunConfig const& config, Layout const& layout, RoutedCounts const& counts) {
  MOESCOPE_CHECK(counts.micro_steps == config.batch.micro_steps);
  MOESCOPE_CHECK(counts.layers == router_extents(config.model).routers);
  MOESCOPE_CHECK(counts.ranks == layout.size(counts.of_block ? Axis::expert_block : Axis::world));
  MOESCOPE_CHECK(counts.experts == router_extents(config.model).experts);
}

ChoicesOf routed_choices(Layout const& layout, RoutedCounts const& counts, std::int64_t micro_step, std::int64_t router,
                         std::int64_t rank) {
  auto rows = layout.members(Axis::expert_block, rank);
  if (counts.of_block) std::iota(rows.begin(), rows.end(), std::int64_t{0});
  return [rows = std::move(rows), &counts, micro_step, router](std::int64_t member, Range experts) {
    std::int64_t sum = 0;
    for (auto e = experts.begin; e < experts.end; ++e) sum += counts.at(micro_step, router, rows[std::size_t(member)], e);
    return sum;
  };
}

}  // namespace moescope::traffic
