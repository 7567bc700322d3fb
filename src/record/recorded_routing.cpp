#include "record/recorded_routing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <numeric>

#include "base/error.hpp"
#include "base/range.hpp"
#include "config/forced_workloads.hpp"
#include "config/gate_kinds.hpp"
#include "config/routers.hpp"
#include "record/stored_choices.hpp"

namespace moescope {
namespace {

using record::StoredRun;

constexpr char const* counts_path = "/raw/expert_tokens_routed";

[[noreturn]] void refuse(RunConfig const& config, std::string const& why) {
  throw UserError(fmt::format("routing.file = \"{}\": {}", config.routing.file, why));
}

void require_same(RunConfig const& config, std::string const& what, std::int64_t stored, std::int64_t own) {
  if (stored == own) return;
  refuse(config, fmt::format("was run with {} {}, this run has {}; choices are replayed as they are", stored, what, own));
}

/// The first step that is replayed, and the end.
Range replayed_steps(RunConfig const& config, std::int64_t steps_done) {
  auto const first = step_in_file(config.routing.file_step, steps_done).value_or(-1);
  auto const last = first + (config.routing.file_steps == "advancing" ? config.train.steps : 1);
  if (first >= 0 && last <= steps_done) return {first, last};
  refuse(config, fmt::format("has {} steps; routing.file_step = \"{}\" and routing.file_steps = \"{}\" ask for steps {} to {}",
                             steps_done, config.routing.file_step, config.routing.file_steps, first, last - 1));
}

/// As many in each router and step as the gate would make, on whose number a capacity relies.
void require_choices(RunConfig const& config, RecordedCounts const& recorded) {
  auto const own = config.batch.sequences * config.batch.sequence_length * choices_per_token(config.model);
  for (auto first = recorded.count.begin(); first != recorded.count.end(); first += recorded.experts)
    require_same(config, "choices a step", std::reduce(first, first + recorded.experts), own);
}

StoredRun open_replayed(RunConfig const& config) {
  auto run = record::open_run(config.routing.file);
  auto const& file = run.file;
  if (file.read_attribute("/", "status") == "wrong") refuse(config, "is marked wrong, so nothing of it is replayed");
  auto const [routers, experts] = router_extents(config.model);
  auto const there = file.extents(counts_path);
  require_same(config, "routers", std::int64_t(there.at(1)), routers);
  require_same(config, "experts", std::int64_t(there.at(2)), experts);
  return run;
}

RecordedCounts read_counts(RunConfig const& config, StoredRun const& run, Range steps) {
  auto const tokens = run.file.read_rows("/raw/tokens", std::size_t(steps.begin), 1).at(0);
  require_same(config, "tokens a step", std::int64_t(tokens), config.batch.sequences * config.batch.sequence_length);
  auto const counts = run.file.read_rows(counts_path, std::size_t(steps.begin), std::size_t(steps.size()));
  auto const [routers, experts] = router_extents(config.model);
  RecordedCounts recorded{steps.size(), routers, experts, {counts.begin(), counts.end()}};
  if (drops(config.model) && !is_ragged(config.model)) require_choices(config, recorded);
  return recorded;
}

[[noreturn]] void refuse_step(RunConfig const& config, StoredRun const& run, std::int64_t step) {
  auto const there = record::steps_with_choices(run);
  auto const text = there.empty()      ? "no step"
                    : there.size() < 8 ? fmt::format("steps {}", fmt::join(there, ", "))
                                       : fmt::format("steps {}, {}, {}, ..., {}", there[0], there[1], there[2], there.back());
  refuse(config, fmt::format("has choices of {}; routing.file_step = \"{}\" and routing.file_steps = \"{}\" ask for step {}",
                             text, config.routing.file_step, config.routing.file_steps, step));
}

void append(RecordedChoices const& step, RecordedChoices& all) {
  auto const before = all.offsets.back();
  for (auto offset = step.offsets.begin() + 1; offset != step.offsets.end(); ++offset) all.offsets.push_back(before + *offset);
  all.expert.insert(all.expert.end(), step.expert.begin(), step.expert.end());
  ++all.steps;
}

}  // namespace

RecordedCounts recorded_counts(RunConfig const& config) {
  auto const run = open_replayed(config);
  return read_counts(config, run, replayed_steps(config, std::int64_t(run.steps_done)));
}

RecordedChoices recorded_choices(RunConfig const& config) {
  auto const run = open_replayed(config);
  if (!record::has_choices(run)) refuse(config, "has no choices of tokens, since it was recorded without record.choices = true");
  auto const steps = replayed_steps(config, std::int64_t(run.steps_done));
  auto const counts = read_counts(config, run, steps);
  RecordedChoices recorded{0, counts.layers, config.batch.sequences * config.batch.sequence_length, {0}, {}};
  for (auto step = steps.begin; step < steps.end; ++step) {
    auto const choices = record::choices_of_step(run, step);
    if (!choices) refuse_step(config, run, step);
    append(*choices, recorded);
  }
  return recorded;
}

}  // namespace moescope
