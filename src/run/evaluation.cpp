#include "run/evaluation.hpp"

#include <algorithm>
#include <iterator>

#include "base/region.hpp"
#include "config/pool_calls.hpp"
#include "config/routers.hpp"
#include "kernels/gemm.hpp"
#include "step/routing_counts.hpp"

namespace moescope {

std::vector<std::int64_t> evaluation_steps(RunConfig const& config) {
  std::vector<std::int64_t> steps;
  if (config.eval.every <= 0) return steps;
  for (std::int64_t step = 0; step < config.train.steps; step += config.eval.every) steps.push_back(step);
  steps.push_back(config.train.steps);
  return steps;
}

std::int64_t first_held_out_sequence(EvalConfig const& eval, std::int64_t domain, std::int64_t num_domains) {
  return (domain - num_domains) * eval.sequences;
}

namespace {

/// [R,C] of the exchanges since the ledger was last emptied, on rank 0.
std::vector<std::int64_t> gather_payload(Mesh& mesh) {
  std::vector<std::int64_t> payload;
  for (auto const& entry : mesh.ledger().take()) payload.push_back(entry.volume.payload_bytes);
  return mesh.world().gather(std::span<std::int64_t const>(payload), 0);
}

using Counts = std::vector<std::int64_t>;

void add(Counts const& more, Counts& counts) {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += more[i];
}

void append(Counts const& more, Counts& counts) { std::copy(more.begin(), more.end(), std::back_inserter(counts)); }

}  // namespace

template <class T>
EvaluationReport evaluate(ExecSpace const& exec, Trainer<T>& trainer, HeldOutSource const& source, std::int64_t num_domains,
                          std::int64_t at_step, HeldOutChoices& choices) {
  auto config = trainer.config();
  auto& mesh = trainer.model().mesh();
  auto const micro_batch = config.batch.sequences / config.batch.micro_steps;
  config.batch.micro_steps = 1;
  Pass pass{.training = false, .seed = config.train.seed, .step = at_step};

  bool const compared = choices.begin_evaluation();

  EvaluationReport report;
  report.at_step = at_step;
  for (std::int64_t domain = 0; domain < num_domains; ++domain) {
    auto const origin = first_held_out_sequence(config.eval, domain, num_domains);
    auto const from_domain = [&](std::int64_t first, std::int64_t count) { return source(domain, first - origin, count); };
    auto counts = empty_rank_report(config, mesh);
    Counts changed(std::size_t(router_extents(config.model).routers));
    double cross_entropy = 0;
    std::int64_t labels = 0;
    for (std::int64_t first = 0; first < config.eval.sequences; first += micro_batch) {
      config.batch.sequences = std::min(micro_batch, config.eval.sequences - first);
      GlobalBatch const global{config.batch, pool_names(config.model), from_domain, origin + first};
      auto const batch = load_micro_batch(mesh.layout(), mesh.rank(), global, 0);
      pass.batch = &batch.device;
      auto const activations = trainer.model().forward(exec, pass, trainer.weights());
      auto const record = record_routing<T>(activations);
      count_routing(exec, record, config, 0, counts);
      add(choices.changed_tokens(exec, record), changed);
      bool const counted_here = mesh.layout().coordinate(Axis::tp, mesh.rank()) == 0;
      cross_entropy += counted_here ? activations.cross_entropy_sum : 0;
      labels += counted_here ? batch.num_labels : 0;
    }
    report.loss.push_back(mesh.world().sum(cross_entropy) / double(mesh.world().sum(labels)));
    append(mesh.world().sum(counts.routed), report.expert_tokens);
    changed = mesh.world().sum(changed);
    if (!compared) std::fill(changed.begin(), changed.end(), -1);
    append(changed, report.changed_tokens);
  }
  report.payload_bytes = gather_payload(mesh);
  phase_clock().take();
  kernels::take_executed_gemm_flops();
  return report;
}

#define MOESCOPE_INSTANTIATE(T)                                                                                          \
  template EvaluationReport evaluate<T>(ExecSpace const&, Trainer<T>&, HeldOutSource const&, std::int64_t, std::int64_t, \
                                        HeldOutChoices&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
