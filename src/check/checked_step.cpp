#include "check/checked_step.hpp"

#include <fmt/format.h>

#include "base/region.hpp"
#include "check/conservation.hpp"
#include "check/replicas.hpp"
#include "step/computed_step.hpp"
#include "step/gather_reports.hpp"

namespace moescope {

namespace {

/// Shares of the parameters, one of which each step compares between replicas.
constexpr std::int64_t replica_shares = 10;

/// Adds what `action` takes to a report's checks.
template <class Action>
void timed(RankReport& report, Action&& action) {
  auto const begin = now();
  action();
  report.checks_seconds += now() - begin;
}

void add_phases(RankReport& report) {
  auto const seconds = phase_clock().take();
  for (std::size_t phase = 0; phase < seconds.size(); ++phase) report.phase_seconds[phase] += seconds[phase];
}

}  // namespace

template <class T>
void check_step(Trainer<T>& trainer, StepReport& report) {
  auto const& mesh = trainer.model().mesh();
  auto const& config = trainer.config();
  timed(report.own, [&] {
    Region const region(Phase::checks);
    report.own.computed = compute_step(config, mesh, report.own.sent());
    auto const failure = replica_failure(trainer, report.step % replica_shares, replica_shares);
    if (!failure.empty()) report.failure = fmt::format("after step {} {}", report.step, failure);
  });
  add_phases(report.own);
  {
    Region const region(Phase::record);  // charged to the next step
    gather_reports(mesh, report);
  }
  if (mesh.rank() != 0) return;
  timed(report.ranks.front(), [&] {
    if (report.failure.empty()) report.failure = conservation_failure(config, mesh.layout(), report);
  });
}

#define MOESCOPE_INSTANTIATE(T) template void check_step<T>(Trainer<T>&, StepReport&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
