#include "step/trainer.hpp"

#include <limits>
#include <numeric>

#include "base/region.hpp"
#include "comm/arrivals.hpp"
#include "comm/exchange.hpp"
#include "config/forced_workloads.hpp"
#include "config/gate_kinds.hpp"
#include "config/routers.hpp"
#include "kernels/gemm.hpp"
#include "step/gate_statistics.hpp"
#include "step/gate_updates.hpp"
#include "step/token_choices.hpp"

namespace moescope {

namespace {

constexpr double not_applicable = std::numeric_limits<double>::quiet_NaN();

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
void measure_memory(AllocationWatch const& allocations, TrainingState<T> const& state, RankReport& report) {
  auto const bytes = []<class Number>(FlatBuffers<Number> const& buffers) {
    std::int64_t sum = 0;
    for (auto const& group : buffers.group) sum += std::int64_t(group.size() * sizeof(Number));
    return sum;
  };
  report.memory_bytes = process_memory_peak();
  auto const parameters = bytes(state.values), gradients = bytes(state.gradients);
  auto const optimizer = bytes(state.first_moment) + bytes(state.second_moment);
  auto const peak = allocations.peak();
  report.memory_by_purpose = {parameters, gradients, optimizer, peak < 0 ? -1 : peak - parameters - gradients - optimizer};
}

}  // namespace

template <class T>
Trainer<T>::Trainer(RunConfig const& config, Mesh& mesh)
    : config_(config),
      mesh_(mesh),
      labels_(mesh.exchange(traffic::names::labels)),
      loss_(mesh.exchange(traffic::names::loss)),
      gate_statistics_(mesh.exchange(traffic::names::gate_statistics)),
      gate_choices_(mesh.exchange(traffic::names::gate_choices)),
      gradient_exchanges_(mesh),
      forced_(make_forced_routing(config)),
      model_(config.model, config.train.dispatcher, mesh),
      state_(config.model, mesh.layout(), mesh.rank(), config.train.mode == "train") {
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
  make_room_for_gate_statistics(config_.model, report);
  auto& own = report.own = empty_rank_report(config_, mesh_);

  allocations_.restart();
  energy_.start();
  mesh_.world().barrier();
  auto const begin = now();
  std::vector<LoadedMicroBatch> batches;
  double labels = 0;
  {
    Region const region(Phase::data);
    GlobalBatch const global{config_.batch, pool_names(config_.model), source, step * config_.batch.sequences};
    for (std::int64_t m = 0; m < config_.batch.micro_steps; ++m) {
      batches.push_back(load_micro_batch(mesh_.layout(), mesh_.rank(), global, m));
      labels += double(batches.back().num_labels);
    }
    all_reduce_control(mesh_, labels_, std::span<double>(&labels, 1));
  }
  auto const decisions = run_micro_steps(batches, labels, report);
  sum_losses(report);
  report.gradient_norm = report.learning_rate = not_applicable;
  if (config_.train.mode == "train") finish_gradients(report);
  if (config_.train.mode == "train" && gate_kind(config_.model).updates)
    update_gates<T>(exec_, mesh_, gate_choices_, config_, decisions.records, model_.router().gate(), weights_);
  exec_.fence("step::end");
  own.step_seconds = now() - begin;

  own.energy_joules = energy_.joules();
  measure_memory(allocations_, state_, own);
  count_decisions(decisions, batches, report);
  take_measurements(mesh_, own);
  report.tokens = config_.batch.sequences * config_.batch.sequence_length;
  for (auto const& batch : batches) {
    if (mesh_.layout().coordinate(Axis::tp, mesh_.rank()) != 0) break;
    for (auto const domain : batch.host.domain) report.domain_tokens[std::size_t(domain)] += config_.batch.sequence_length;
  }
  report.domain_tokens = mesh_.world().sum(report.domain_tokens);
  return report;
}

template <class T>
typename Trainer<T>::Decisions Trainer<T>::run_micro_steps(std::vector<LoadedMicroBatch> const& batches, double labels,
                                                           StepReport& report) {
  bool const training = config_.train.mode == "train";
  if (training) {
    auto const& groups = state_.table.groups();
    for (std::size_t g = 0; g < groups.size(); ++g)
      if (groups[g].trained && groups[g].gradients_accumulated)
        Kokkos::deep_copy(exec_, state_.gradients.group[g], Accumulate<T>(0));
  }
  Pass pass{.training = training, .seed = config_.train.seed, .step = report.step};
  MOESCOPE_CHECK(forced_ || !is_forced(config_) || !training);
  if (training) pass.forced = forced_.get();
  double const scale = labels > 0 ? 1 / labels : 0;
  auto const counted = counted_losses(config_, mesh_.layout(), mesh_.rank());
  Decisions decisions;
  for (std::size_t m = 0; m < batches.size(); ++m) {
    pass.batch = &batches[m].device;
    pass.micro_batch = std::int64_t(m);
    pass.accumulates = m > 0;
    auto activations = model_.forward(exec_, pass, weights_);
    decisions.records.push_back(record_routing<T>(activations));
    decisions.shares.push_back(keep_shares<T>(config_.model, activations));
    if (m + 1 == batches.size()) decisions.last_scores = keep_scores<T>(activations);
    add_gate_statistics(activations, counted, report);
    report.loss_cross_entropy += activations.cross_entropy_sum * scale;
    if (training) model_.backward(exec_, pass.backward(), scale, weights_, activations, gradients_);
  }
  return decisions;
}

template <class T>
void Trainer<T>::count_decisions(Decisions const& decisions, std::vector<LoadedMicroBatch> const& batches, StepReport& report) {
  Region const region(Phase::checks);
  auto const begin = now();
  auto const& records = decisions.records;
  auto const [routers, experts] = router_extents(config_.model);
  bool const detailed = report.step % detail_every_ == 0;
  if (detailed) report.expert_pairs.resize(std::size_t(routers * experts * experts));
  if (detailed && config_.record.choices) report.choices = no_choices(config_);
  for (std::size_t m = 0; m < records.size(); ++m) {
    count_routing(exec_, records[m], config_, std::int64_t(m), report.own);
    count_rows(records[m], mesh_.layout().experts(config_.model, mesh_.rank()), mesh_.rank(), report.own);
    add_realised(exec_, records[m], decisions.shares[m], report.own.loss_realised);
    if (!report.expert_pairs.empty()) count_pairs(exec_, records[m], experts, report.expert_pairs);
    if (!report.choices.empty()) set_choices(exec_, records[m], config_, report.step, owned_tokens(batches[m]), report.choices);
  }
  add_confidence<T>(exec_, decisions.last_scores, report.own);
  report.own.checks_seconds = now() - begin;
}

/// Ids of those whose routing this rank records.
template <class T>
std::vector<std::int64_t> Trainer<T>::owned_tokens(LoadedMicroBatch const& batch) const {
  auto const& ids = batch.device.ids;
  auto const owned = mesh_.layout().owned_tokens(ids.size(), mesh_.rank());
  return ids.rows(owned.begin, owned.end).on_host();
}

template <class T>
void Trainer<T>::sum_losses(StepReport& report) {
  all_reduce_control(mesh_, loss_, std::span<double>(&report.loss_cross_entropy, 1));
  sum_gate_statistics(mesh_, gate_statistics_, config_, report);
  auto const terms = report.loss_terms.size() / report.loss_balance.size();
  for (std::size_t i = 0; i < report.loss_terms.size(); ++i) report.loss_balance[i / terms] += report.loss_terms[i];
  report.loss_total = std::accumulate(report.loss_balance.begin(), report.loss_balance.end(), report.loss_cross_entropy);
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

#define MOESCOPE_INSTANTIATE(T) template class Trainer<T>;
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
