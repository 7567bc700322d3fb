#include "step/token_choices.hpp"

#include "base/to_host.hpp"
#include "config/forced_workloads.hpp"
#include "config/routers.hpp"

namespace moescope {
namespace {

std::int64_t tokens_of_step(RunConfig const& config) { return config.batch.sequences * config.batch.sequence_length; }

}  // namespace

std::vector<std::int64_t> no_choices(RunConfig const& config) {
  auto const routers = router_extents(config.model).routers;
  return std::vector<std::int64_t>(std::size_t(routers * tokens_of_step(config) * most_choices(config)), -1);
}

void set_choices(ExecSpace const& exec, RoutingRecord const& record, RunConfig const& config, std::int64_t step,
                 std::span<std::int64_t const> tokens, std::vector<std::int64_t>& choices) {
  auto const in_step = tokens_of_step(config), places = most_choices(config);
  for (std::size_t l = 0; l < record.layers.size(); ++l) {
    auto const offsets = to_host(exec, record.layers[l].offsets), expert = to_host(exec, record.layers[l].expert);
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      auto const position = tokens[t] - step * in_step;
      MOESCOPE_CHECK(0 <= position && position < in_step && offsets(t + 1) - offsets(t) <= places);
      auto* place = choices.data() + (std::int64_t(l) * in_step + position) * places;
      for (auto c = offsets(t); c < offsets(t + 1); ++c) *place++ = expert(c);
    }
  }
}

}  // namespace moescope
