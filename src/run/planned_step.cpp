#include "run/planned_step.hpp"

#include "config/forced_workloads.hpp"
#include "config/gate_kinds.hpp"
#include "config/routers.hpp"
#include "run/forced_counts.hpp"
#include "traffic/calls.hpp"

namespace moescope {
namespace {

constexpr std::int64_t most_ranks_counted = 4096;
constexpr std::int64_t most_tokens_drawn = std::int64_t(1) << 22;  // of all routers: a second or two

traffic::Memory heaviest_memory(RunConfig const& config, Layout const& layout) {
  auto const ranks = layout.ranks();
  auto const stride = ranks <= most_ranks_counted ? 1 : ranks - 1;
  traffic::MemoryEstimate estimate(config, layout);
  traffic::Memory heaviest;
  for (std::int64_t rank = 0; rank < ranks; rank += stride) {
    auto const memory = estimate.of(rank);
    if (memory.total() > heaviest.total()) heaviest = memory;
  }
  return heaviest;
}

void count(PlannedBytes& bytes, std::int64_t rank, std::int64_t of_rank, bool all_ranks) {
  if (of_rank > bytes.largest) {
    bytes.largest = of_rank;
    bytes.heaviest_rank = rank;
  }
  if (all_ranks) bytes.sum = bytes.sum.value_or(0) + of_rank;
}

void count_rank(std::vector<traffic::Volume> const& volumes, std::int64_t rank, bool all_ranks, PlannedStep& result) {
  std::map<Axis, std::int64_t> of_axis;
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    count(result.payload[i], rank, volumes[i].payload_bytes, all_ranks);
    of_axis[result.collectives[i].axis] += volumes[i].payload_bytes;
    if (rank == 0) result.calls[i] = volumes[i].calls;
  }
  for (auto const& [axis, bytes] : of_axis) count(result.axis_payload[axis], rank, bytes, all_ranks);
}

bool can_draw(RunConfig const& config, Layout const& layout) {
  auto const tokens = config.batch.sequences * config.batch.sequence_length * router_extents(config.model).routers;
  return layout.ranks() <= most_ranks_counted && tokens <= most_tokens_drawn && !drops(config.model);
}

}  // namespace

PlannedStep plan_step(RunConfig const& config, Layout const& layout, ForcedRouting const* forced) {
  PlannedStep result;
  result.memory = heaviest_memory(config, layout);
  result.ranks_counted = layout.ranks() <= most_ranks_counted ? layout.ranks() : 1;
  result.collectives = traffic::collectives(config, layout);
  result.payload.resize(result.collectives.size());
  result.calls.resize(result.collectives.size());
  traffic::EvenSteps steps(config, layout);
  std::optional<traffic::RoutedCounts> counts;
  if (forced && can_draw(config, layout)) {
    counts = forced_counts(config, layout, *forced, 0);
    result.assumes = "step 0 of " + routing_label(config);
  }
  for (std::int64_t rank = 0; rank < result.ranks_counted; ++rank)
    count_rank(counts ? traffic::step_volumes(config, layout, *counts, rank) : steps.volumes(rank), rank,
               result.ranks_counted == layout.ranks(), result);
  return result;
}

}  // namespace moescope
