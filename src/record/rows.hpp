#pragma once
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "record/run_file.hpp"

namespace moescope::record {

/// The values of one step (or evaluation) in one dataset, flattened over the dataset's other dimensions.
struct Row {
  std::string path;
  std::variant<std::vector<double>, std::vector<std::int64_t>> values;
};
using Rows = std::vector<Row>;

/// /raw of every step, but for what only a detail step stores.
Rows raw_rows(RunFileSetup const& setup, StepReport const& report);
/// /raw of a detail step.
Rows detail_rows(RunFileSetup const& setup, StepReport const& report);
/// /raw/eval, but for at_step, which is written last.
Rows evaluation_rows(EvaluationReport const& report);

/// [L,E] choices before, and after, dropping, summed over ranks and micro-steps.
std::vector<std::int64_t> routed_counts(RunConfig const& config, StepReport const& report);
std::vector<std::int64_t> processed_counts(RunConfig const& config, StepReport const& report);
/// [L,R] rows computed.
std::vector<std::int64_t> rank_rows(RunConfig const& config, StepReport const& report);
/// Seconds of the slowest rank.
double slowest_seconds(StepReport const& report);

/// /derived of every step: formulas of `metrics` applied to the report.
Rows derived_rows(RunFileSetup const& setup, StepReport const& report);
/// /derived/eval.
Rows derived_rows(RunFileSetup const& setup, EvaluationReport const& report);
/// /raw and /derived of the step's energy.
Rows energy_rows(RunFileSetup const& setup, StepReport const& report);
/// No time, utilisation or bandwidth is drawn from a run with more threads than cores.
inline bool times_mean_something(RunFileSetup const& setup) { return !setup.oversubscribed; }
/// Nor step time, throughput or utilisation from steps with fences and barriers in them; bandwidths are as good there.
inline bool speed_means_something(RunFileSetup const& setup) {
  return times_mean_something(setup) && setup.config.train.timing == "free";
}

/// /computed: what each rank's ComputedStep says, and the first place where the measured differ.
struct Computed {
  Rows rows;
  std::string mismatch;  ///< empty: all equal; else a sentence with step, rank, exchange and both numbers
};
Computed computed_rows(RunFileSetup const& setup, StepReport const& report);

}  // namespace moescope::record
