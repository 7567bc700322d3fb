#include <fmt/format.h>

#include <array>
#include <memory>

#include "apps/benchmarks/cases.hpp"
#include "apps/benchmarks/measure.hpp"
#include "apps/benchmarks/register.hpp"
#include "kernels/gemm.hpp"
#include "metrics/flops.hpp"
#include "step/gather_reports.hpp"
#include "step/trainer.hpp"

namespace moescope::benchmarks {

namespace {

/// Seconds by phase, each of the rank that takes longest for it. Rank 0; elsewhere zero.
using PhaseSeconds = std::array<double, phase_names.size()>;

void add_phases(StepReport const& report, PhaseSeconds& sums) {
  for (std::size_t p = 0; p < sums.size(); ++p) {
    double longest = 0;
    for (auto const& rank : report.ranks) longest = std::max(longest, rank.phase_seconds[p]);
    sums[p] += longest;
  }
}

/// A trainer and the mesh under it; filling its memory takes longer than its steps.
struct Training {
  std::string name;
  Mesh mesh;
  Trainer<float> trainer;
  std::int64_t steps = 0;

  Training(std::string const& called, RunConfig const& config, Layout const& layout)
      : name(called), mesh(world(), layout, traffic::collectives(config, layout)), trainer(config, mesh) {}
};

/// FLOPs of matrix products on the busiest rank, over their mean.
double imbalance(StepReport const& report) {
  double most = 0, sum = 0;
  for (auto const& rank : report.ranks) {
    most = std::max(most, rank.executed_flops);
    sum += rank.executed_flops;
  }
  return most * double(report.ranks.size()) / sum;
}

/// The one of this name; it lives until another is asked for.
Training& training(std::string const& name, RunConfig const& config) {
  static std::unique_ptr<Training> current;
  if (!current || current->name != name) {
    current.reset();
    current = std::make_unique<Training>(name, config, Layout(config.layout, world().size()));
    Kokkos::push_finalize_hook([] { current.reset(); });
  }
  return *current;
}

/// One training step. Its time is that of the whole step; `forward_backward_of_peak` leaves gradient norm and optimiser out,
/// as comparisons with other programs do; the phases say where it goes. FLOPs by Megatron's causal numerator.
void step(benchmark::State& state, std::string const& name, RunConfig const& config) {
  auto const ranks = world();
  auto& run = training(name, config);
  auto const source = random_tokens(config);
  std::int64_t counted = -1;  // the first warms up
  PhaseSeconds phases{};
  double total = 0, imbalances = 0;
  measure(state, [&] {
    auto report = run.trainer.step(source, run.steps++, 1);
    gather_reports(run.mesh, report);
    if (counted++ < 0) return;
    if (ranks.rank() != 0) return;
    add_phases(report, phases);
    total += report.ranks[0].step_seconds;
    imbalances += imbalance(report);
  });
  double const tokens = double(config.batch.sequences * config.batch.sequence_length);
  auto const flops = metrics::step_flops(config.model, std::int64_t(tokens), config.batch.sequence_length).megatron_causal;
  double const optimizer = phases[std::size_t(Phase::optimizer)] + phases[std::size_t(Phase::gradients)];
  double const forward_backward = (total - optimizer) / double(counted);
  report_flops(state, flops / ranks.size());
  state.counters["forward_backward_seconds"] = forward_backward;
  state.counters["optimizer_seconds"] = optimizer / double(counted);
  state.counters["forward_backward_flops_per_second"] = flops / forward_backward;
  state.counters["forward_backward_of_peak"] = flops / forward_backward / measured_peak();
  state.counters["executed_flops_imbalance"] = imbalances / double(counted);
  for (std::size_t p = 0; p < phases.size(); ++p)
    state.counters[fmt::format("{}_phase_seconds", phase_names[p])] = phases[p] / double(counted);
  state.counters["tokens_per_second"] = {tokens, benchmark::Counter::kIsIterationInvariantRate};
}

}  // namespace

/// Ranks share the experts, whole or each of them cut into slices, and attention or, with enough sequences, only the sequences.
void add_step() {
  std::int64_t const ranks = world().size();
  std::vector<std::int64_t> const none_or_all = ranks == 1 ? std::vector<std::int64_t>{1} : std::vector<std::int64_t>{1, ranks};
  for (auto const& [name, config] : cases()) {
    for (auto const tp : none_or_all) {
      if (config.batch.sequences < ranks / tp) continue;
      for (auto const ep : none_or_all) {
        auto chosen = config;
        chosen.layout.tp = tp;
        chosen.layout.ep = ep;
        chosen.layout.etp = ranks / ep;
        auto const called = fmt::format("step/{}/tp:{}/ep:{}", name, tp, ep);
        add(called, 3, [=](auto& state) { step(state, called, chosen); });
      }
    }
  }
}

}  // namespace moescope::benchmarks
