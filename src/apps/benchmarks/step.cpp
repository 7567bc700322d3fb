#include <fmt/format.h>

#include <memory>

#include "apps/benchmarks/cases.hpp"
#include "apps/benchmarks/measure.hpp"
#include "apps/benchmarks/register.hpp"
#include "kernels/gemm.hpp"
#include "metrics/flops.hpp"
#include "step/trainer.hpp"

namespace moescope::benchmarks {

namespace {

double phase(StepReport const& report, Phase wanted) {
  double longest = 0;
  for (auto const& rank : report.ranks) longest = std::max(longest, rank.phase_seconds[std::size_t(wanted)]);
  return longest;
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
/// as comparisons with other programs do. FLOPs by Megatron's causal numerator.
void step(benchmark::State& state, std::string const& name, RunConfig const& config) {
  auto const ranks = world();
  auto& run = training(name, config);
  auto const source = random_tokens(config);
  std::int64_t counted = -1;  // the first warms up
  double optimizer = 0, total = 0;
  measure(state, [&] {
    auto const report = run.trainer.step(source, run.steps++, 1);
    if (counted++ < 0) return;
    optimizer += phase(report, Phase::optimizer) + phase(report, Phase::gradients);
    if (ranks.rank() == 0) total += report.ranks[0].step_seconds;
  });
  double const tokens = double(config.batch.sequences * config.batch.sequence_length);
  auto const flops = metrics::step_flops(config.model, std::int64_t(tokens), config.batch.sequence_length).megatron_causal;
  double const forward_backward = (total - optimizer) / double(counted);
  report_flops(state, flops / ranks.size());
  state.counters["forward_backward_seconds"] = forward_backward;
  state.counters["optimizer_seconds"] = optimizer / double(counted);
  state.counters["forward_backward_flops_per_second"] = flops / forward_backward;
  state.counters["forward_backward_of_peak"] = flops / forward_backward / measured_peak();
  state.counters["tokens_per_second"] = {tokens, benchmark::Counter::kIsIterationInvariantRate};
}

}  // namespace

/// Experts are spread over all ranks; attention over all of them or, with enough sequences, over none.
void add_step() {
  std::int64_t const ranks = world().size();
  for (auto const& [name, config] : cases()) {
    for (std::int64_t const tp : ranks == 1 ? std::vector<std::int64_t>{1} : std::vector<std::int64_t>{1, ranks}) {
      if (config.batch.sequences < ranks / tp) continue;
      auto chosen = config;
      chosen.layout.tp = tp;
      chosen.layout.ep = ranks;
      chosen.layout.etp = 1;
      auto const called = fmt::format("step/{}/tp:{}/ep:{}", name, tp, ranks);
      add(called, 3, [=](auto& state) { step(state, called, chosen); });
    }
  }
}

}  // namespace moescope::benchmarks
