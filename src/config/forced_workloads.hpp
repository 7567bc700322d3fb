#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/run_config.hpp"

namespace moescope {

/// What a workload takes from `routing.file`.
enum class Replays { nothing, counts, choices };

/// The row of a workload of forced routing: all that is known of it without asking it. `gates/forced/registry.cpp` adds the
/// factory.
struct ForcedWorkload {
  std::string_view name;
  std::span<std::string_view const> keys{};  ///< of [routing], that this workload reads
  Replays replays = Replays::nothing;
  bool ragged = false;  ///< tokens choose different numbers of experts whatever the gate
};

std::span<ForcedWorkload const> all_forced_workloads();
/// Values of `routing.forced`: "none", then every workload.
std::span<std::string_view const> forced_names();
/// Null for "none" and unknown names.
ForcedWorkload const* find_forced_workload(std::string_view name);

bool is_forced(RunConfig const& config);
/// Whether tokens may choose different numbers of experts in training, by the gate or by force.
bool is_ragged(RunConfig const& config);
/// Of one token: all experts where numbers may differ, else those that its gate would make.
std::int64_t most_choices(RunConfig const& config);
/// "natural" or "forced:<workload>": what runs are told apart by in file, table and figure.
std::string routing_label(RunConfig const& config);

/// Number of the step that `routing.file_step` means in a file of so many steps, which may have fewer; nothing where the text is
/// none of start, middle, end and step:<n>.
std::optional<std::int64_t> step_in_file(std::string_view file_step, std::int64_t steps);

}  // namespace moescope
