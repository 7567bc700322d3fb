#include "run/forced_counts.hpp"

#include <numeric>

#include "config/routers.hpp"
#include "traffic/even_routing.hpp"

namespace moescope {

traffic::RoutedCounts forced_counts(RunConfig const& config, Layout const& layout, ForcedRouting const& forced,
                                    std::int64_t step) {
  auto const [routers, experts] = router_extents(config.model);
  auto const first = step * config.batch.sequences * config.batch.sequence_length;
  traffic::RoutedCounts counts(config.batch.micro_steps, routers, layout.ranks(), experts);
  std::vector<int> offsets, expert;
  for (std::int64_t m = 0; m < counts.micro_steps; ++m)
    for (std::int64_t r = 0; r < counts.ranks; ++r) {
      auto const owned = traffic::owned_positions(config, layout, m, r);
      std::vector<std::int64_t> tokens(std::size_t(owned.size()));
      std::iota(tokens.begin(), tokens.end(), first + owned.begin);
      for (std::int64_t l = 0; l < routers; ++l) {
        forced.choose(step, l, tokens, offsets, expert);
        for (auto const e : expert) ++counts.at(m, l, r, e);
      }
    }
  return counts;
}

}  // namespace moescope
