#include "traffic/even_routing.hpp"

#include <algorithm>

#include "config/routers.hpp"
#include "traffic/traffic.hpp"

namespace moescope::traffic {
namespace {

/// Owned tokens of `rank` as positions in the step's global batch.
Range owned_positions(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank) {
  auto const sequences = layout.sequences(config.batch, micro_step, rank);
  auto const length = config.batch.sequence_length;
  auto const owned = layout.owned_tokens(sequences.size() * length, rank);
  return {sequences.begin * length + owned.begin, sequences.begin * length + owned.end};
}

/// Numbers in [0, end) that are below `bound` mod `experts`.
std::int64_t dealt_below(std::int64_t end, std::int64_t experts, std::int64_t bound) {
  return end / experts * bound + std::min(end % experts, bound);
}

}  // namespace

std::int64_t even_choices(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank,
                          Range experts) {
  auto const tokens = owned_positions(config, layout, micro_step, rank);
  auto const choices = choices_per_token(config.model), all = config.model.num_experts;
  auto const dealt = [&](std::int64_t token) {
    return dealt_below(token * choices, all, experts.end) - dealt_below(token * choices, all, experts.begin);
  };
  return dealt(tokens.end) - dealt(tokens.begin);
}

RoutedCounts even_routing(RunConfig const& config, Layout const& layout) {
  auto const extents = router_extents(config.model);
  RoutedCounts counts(config.batch.micro_steps, extents.routers, layout.ranks(), extents.experts);
  for (std::int64_t m = 0; m < counts.micro_steps; ++m)
    for (std::int64_t l = 0; l < counts.layers; ++l)
      for (std::int64_t r = 0; r < counts.ranks; ++r)
        for (std::int64_t e = 0; e < counts.experts; ++e) counts.at(m, l, r, e) = even_choices(config, layout, m, r, {e, e + 1});
  return counts;
}

}  // namespace moescope::traffic
