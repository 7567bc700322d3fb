#include "step/trainer.hpp"

#include <cmath>
#include <limits>

#include "base/region.hpp"
#include "comm/arrivals.hpp"
#include "comm/exchange.hpp"
#include "config/routers.hpp"
#include "kernels/gemm.hpp"
#include "step/computed_step.hpp"
#include "step/conservation.hpp"
#include "step/memory.hpp"
#include "step/replicas.hpp"
#include "step/routing_counts.hpp"

namespace moescope {

namespace {

/// Shares of the parameters, one of which each step compares between replicas.
constexpr std::int64_t replica_shares = 10;
constexpr double not_applicable = std::numeric_limits<double>::quiet_NaN();

/// Adds one micro-step's share of what the gates report; all of it is equal on every rank.
template <class T>
void add_gate_statistics(Activations<T> const& activations, std::int64_t num_experts, StepReport& report) {
  for (std::size_t layer = 0; layer < activations.blocks.size(); ++layer) {
    auto const& gate = activations.blocks[layer].moe.routed.gate;
    report.loss_balance[layer] += gate.balance_loss;
    report.gate_cv2[layer] += gate.cv2;
    for (std::int64_t e = 0; e < num_experts; ++e) {
      auto const at = layer * std::size_t(num_experts) + std::size_t(e);
      report.gate_importance[at] += gate.importance.empty() ? not_applicable : gate.importance[std::size_t(e)];
      report.gate_load[at] += gate.load.empty() ? not_applicable : gate.load[std::size_t(e)];
    }
  }
}

/// The ledger's entries and the phases since the step began. Collective.
void take_measurements(Mesh& mesh, RankReport& report) {
  report.phase_seconds = phase_clock().take();
  report.executed_flops = kernels::take_executed_gemm_flops();
  auto const stamps = mesh.ledger().stamps();
  auto entries = mesh.ledger().take();
  if (!mesh.phased()) separate_waiting(mesh, stamps, entries);
  for (std::size_t c = 0; c < entries.size(); ++c) {
    report.volumes[c] = entries[c].volume;
    report.wait_seconds[c] = entries[c].wait_seconds;
    report.transfer_seconds[c] = entries[c].transfer_seconds;
  }
}

template <class T>
void measure_memory(TrainingState<T> const& state, RankReport& report) {
  auto const bytes = []<class Number>(FlatBuffers<Number> const& buffers) {
    std::int64_t sum = 0;
    for (auto const& group : buffers.group) sum += std::int64_t(group.size() * sizeof(Number));
    return sum;
  };
  report.memory_bytes = process_memory_peak();
  auto const parameters = bytes(state.values), gradients = bytes(state.gradients);
  auto const optimizer = bytes(state.first_moment) + bytes(state.second_moment);
  auto const peak = allocated_bytes_peak();
  report.memory_by_purpose = {parameters, gradients, optimizer, peak < 0 ? -1 : peak - parameters - gradients - optimizer};
}

void gather_reports(Mesh const& mesh, RankReport const& mine, StepReport& report) {
  auto const packed = mine.pack();
  auto const all = mesh.world().gather(std::span<double const>(packed), 0);
  for (std::size_t begin = 0; begin < all.size(); begin += packed.size()) {
    report.ranks.push_back(mine.unpacked(std::span(all).subspan(begin, packed.size())));
  }
}

}  // namespace

template <class T>
Trainer<T>::Trainer(RunConfig const& config, Mesh& mesh)
    : config_(config),
      mesh_(mesh),
      labels_(mesh.exchange(traffic::names::labels)),
      loss_(mesh.exchange(traffic::names::loss)),
      gradient_exchanges_(mesh),
      model_(config.model, config.train.dispatcher, mesh),
      state_(config.model, mesh.layout(), mesh.rank(), config.train.mode == "train") {
  watch_allocations();
  initialize<T>(state_.table, config.train.seed, state_.values);
  weights_ = view_tensors<T>(config.model, mesh.layout(), mesh.rank(), state_.table, state_.values);
  if (config.train.mode == "train") {
    gradients_ = view_tensors<Accumulate<T>>(config.model, mesh.layout(), mesh.rank(), state_.table, state_.gradients);
  }
  mesh.set_phased(config.train.timing == "phased");
}

template <class T>
StepReport Trainer<T>::step(BatchSource const& source, std::int64_t step, std::int64_t num_domains) {
  phase_clock().set_fenced(mesh_.phased());
  StepReport report;
  report.step = step;
  report.domain_tokens.resize(std::size_t(num_domains));
  auto const [count, width] = router_extents(config_.model);
  auto const layers = std::size_t(count), experts = std::size_t(width);
  report.loss_balance.resize(layers);
  report.gate_cv2.resize(layers);
  report.gate_importance.resize(layers * experts);
  report.gate_load.resize(layers * experts);
  auto rank_report = empty_rank_report(config_, mesh_);

  mesh_.world().barrier();
  auto const begin = now();
  std::vector<LoadedMicroBatch> batches;
  double labels = 0;
  {
    Region const region(Phase::data);
    for (std::int64_t m = 0; m < config_.batch.micro_steps; ++m) {
      batches.push_back(load_micro_batch(mesh_.layout(), mesh_.rank(), config_.batch, config_.model.gate.pool, source,
                                         step * config_.batch.sequences, m));
      labels += double(batches.back().num_labels);
    }
    all_reduce_control(mesh_, labels_, std::span<double>(&labels, 1));
  }
  run_micro_steps(batches, labels, report, rank_report);
  report.gradient_norm = report.learning_rate = not_applicable;
  if (config_.train.mode == "train") {
    finish_gradients(report);
    Region const region(Phase::optimizer);
    report.failure = replica_failure<T>(exec_, mesh_, config_.model, state_, step % replica_shares, replica_shares);
    if (!report.failure.empty()) report.failure = "after step " + std::to_string(step) + " " + report.failure;
  }
  exec_.fence("step::end");
  rank_report.step_seconds = now() - begin;

  take_measurements(mesh_, rank_report);
  measure_memory(state_, rank_report);
  report.tokens = config_.batch.sequences * config_.batch.sequence_length;
  for (auto const& batch : batches) {
    if (mesh_.layout().coordinate(Axis::tp, mesh_.rank()) != 0) break;
    for (auto const domain : batch.host.domain) report.domain_tokens[std::size_t(domain)] += config_.batch.sequence_length;
  }
  report.domain_tokens = mesh_.world().sum(report.domain_tokens);
  Region const region(Phase::record);  // charged to the next step
  rank_report.computed = compute_step(config_, mesh_, rank_report.processed);
  gather_reports(mesh_, rank_report, report);
  if (mesh_.rank() == 0 && report.failure.empty()) report.failure = conservation_failure(config_, mesh_.layout(), report);
  return report;
}

template <class T>
void Trainer<T>::run_micro_steps(std::vector<LoadedMicroBatch> const& batches, double labels, StepReport& report,
                                 RankReport& rank_report) {
  bool const training = config_.train.mode == "train";
  if (training) {
    auto const& groups = state_.table.groups();
    for (std::size_t g = 0; g < groups.size(); ++g)
      if (groups[g].trained && groups[g].gradients_accumulated)
        Kokkos::deep_copy(exec_, state_.gradients.group[g], Accumulate<T>(0));
  }
  Pass pass{.training = training, .seed = config_.train.seed, .step = report.step};
  double const scale = labels > 0 ? 1 / labels : 0;
  for (std::size_t m = 0; m < batches.size(); ++m) {
    pass.batch = &batches[m].device;
    pass.micro_batch = std::int64_t(m);
    pass.accumulates = m > 0;
    auto activations = model_.forward(exec_, pass, weights_);
    count_routing<T>(exec_, activations, config_, std::int64_t(m), rank_report);
    count_rows<T>(activations, mesh_.layout().experts(config_.model, mesh_.rank()), mesh_.rank(), rank_report);
    add_gate_statistics(activations, config_.model.num_experts, report);
    double cross_entropy = activations.cross_entropy_sum;
    all_reduce_control(mesh_, loss_, std::span<double>(&cross_entropy, 1));
    report.loss_cross_entropy += cross_entropy * scale;
    report.loss_total += cross_entropy * scale + activations.balance_loss();
    if (training) model_.backward(exec_, pass.backward(), scale, weights_, activations, gradients_);
  }
}

template <class T>
void Trainer<T>::finish_gradients(StepReport& report) {
  {
    Region const region(Phase::gradients);
    reduce_gradients<T>(exec_, mesh_, gradient_exchanges_, config_.model, state_);
    report.gradient_norm = gradient_norm<T>(exec_, mesh_, gradient_exchanges_, state_);
  }
  Region const region(Phase::optimizer);
  report.learning_rate = learning_rate(config_.optimizer, config_.train.steps, report.step + 1);
  update_parameters<T>(exec_, config_.optimizer, report.learning_rate, clip_factor(config_.optimizer, report.gradient_norm),
                       state_);
}

template <class T>
std::string Trainer<T>::replica_difference() {
  if (config_.train.mode != "train") return {};
  auto const difference = replica_failure<T>(exec_, mesh_, config_.model, state_, 0, 1);
  mesh_.ledger().take();
  return difference.empty() ? difference : "after the last step " + difference;
}

#define MOESCOPE_INSTANTIATE(T) template class Trainer<T>;
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
