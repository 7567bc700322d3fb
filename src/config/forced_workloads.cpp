#include "config/forced_workloads.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "config/gate_kinds.hpp"

namespace moescope {
namespace {

using Names = std::string_view[];

constexpr Names hot_set{"routing.hot_experts", "routing.hot_share"},
    hot_rank{"routing.hot_share", "routing.expert_ranges", "routing.hot_range"}, zipf{"routing.zipf_exponent"},
    log_normal{"routing.log_normal_sigma"}, max_vio{"routing.max_vio"},
    rotating{"routing.hot_experts", "routing.hot_share", "routing.rotate_every"},
    burst{"routing.hot_experts", "routing.hot_share", "routing.burst_period", "routing.burst_length"},
    ragged_source{"routing.fewest_choices", "routing.most_choices", "routing.ragged_by"}, zero_expert{"routing.zero_experts"},
    counts{"routing.counts"}, replay{"routing.file", "routing.file_step", "routing.file_steps"};

constexpr ForcedWorkload rows[] = {
    {.name = "even"},
    {.name = "uniform"},
    {.name = "hot_set", .keys = hot_set},
    {.name = "hot_rank", .keys = hot_rank},
    {.name = "zipf", .keys = zipf},
    {.name = "log_normal", .keys = log_normal},
    {.name = "max_vio", .keys = max_vio},
    {.name = "rotating", .keys = rotating},
    {.name = "burst", .keys = burst},
    {.name = "ragged_source", .keys = ragged_source, .ragged = true},
    {.name = "zero_expert", .keys = zero_expert},
    {.name = "counts", .keys = counts},
    {.name = "replay_counts", .keys = replay, .replays = Replays::counts, .ragged = true},
    {.name = "replay_choices", .keys = replay, .replays = Replays::choices, .ragged = true},
};

constexpr auto names = [] {
  std::array<std::string_view, std::size(rows) + 1> all;
  all[0] = "none";
  for (std::size_t i = 0; i < std::size(rows); ++i) all[i + 1] = rows[i].name;
  return all;
}();

}  // namespace

std::span<ForcedWorkload const> all_forced_workloads() { return rows; }
std::span<std::string_view const> forced_names() { return names; }

ForcedWorkload const* find_forced_workload(std::string_view name) {
  auto const* const found = std::find_if(std::begin(rows), std::end(rows), [&](auto const& row) { return row.name == name; });
  return found == std::end(rows) ? nullptr : found;
}

bool is_forced(RunConfig const& config) { return find_forced_workload(config.routing.forced) != nullptr; }

bool is_ragged(RunConfig const& config) {
  auto const* const workload = find_forced_workload(config.routing.forced);
  return is_ragged(config.model) || (workload && workload->ragged);
}

std::int64_t most_choices(RunConfig const& config) {
  return is_ragged(config) ? config.model.num_experts : choices_per_token(config.model);
}

std::string routing_label(RunConfig const& config) { return is_forced(config) ? "forced:" + config.routing.forced : "natural"; }

std::optional<std::int64_t> step_in_file(std::string_view file_step, std::int64_t steps) {
  if (file_step == "start") return 0;
  if (file_step == "middle") return steps / 2;
  if (file_step == "end") return steps - 1;
  std::string_view const numbered = "step:";
  if (!file_step.starts_with(numbered)) return std::nullopt;
  auto const digits = file_step.substr(numbered.size());
  std::uint32_t step = 0;  // takes no sign
  auto const read = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  bool const whole = read.ec == std::errc{} && read.ptr == digits.data() + digits.size();
  return whole ? std::optional<std::int64_t>(step) : std::nullopt;
}

}  // namespace moescope
