#pragma once
#include "config/run_config.hpp"
#include "model/model.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// Adds what the gates and plans of one micro-step decided to a rank's report: choices before and after dropping, rows
/// computed, bytes to each peer. `report` has its vectors sized.
template <class T>
void count_routing(ExecSpace const& exec, Activations<T> const& activations, RunConfig const& config, std::int64_t micro_step,
                   RankReport& report);

/// Adds the rows that this rank computes of each expert in one micro-step, and those it exchanges with other ranks before.
/// `mine`: the experts it holds.
template <class T>
void count_rows(Activations<T> const& activations, Range mine, std::int64_t rank, RankReport& report);

/// A report with every vector sized and zero.
RankReport empty_rank_report(RunConfig const& config, Mesh& mesh);

}  // namespace moescope
