#include "step/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/region.hpp"
#include "base/to_host.hpp"
#include "comm/arrivals.hpp"
#include "comm/exchange.hpp"
#include "config/forced_workloads.hpp"
#include "config/gate_kinds.hpp"
#include "config/pool_calls.hpp"
#include "config/routers.hpp"
#include "kernels/gemm.hpp"
#include "layout/shared_pools.hpp"
#include "step/token_choices.hpp"

namespace moescope {

namespace {

constexpr double not_applicable = std::numeric_limits<double>::quiet_NaN();

/// Sizes what the routers report.
void make_room(ModelConfig const& model, StepReport& report) {
  auto const [routers, experts] = router_extents(model);
  report.loss_terms.resize(std::size_t(routers) * losses(model).size());
  report.loss_balance.resize(std::size_t(routers));
  report.gate_cv2.resize(std::size_t(routers));
  report.gate_importance.resize(std::size_t(routers * experts));
  report.gate_load.resize(std::size_t(routers * experts));
}

/// Adds one micro-step's share of what the routers report. counts[i]: whether this rank brings the pools of loss i to the sum
/// over ranks.
template <class T>
void add_gate_statistics(Activations<T> const& activations, std::vector<bool> const& counts, StepReport& report) {
  auto const experts = report.gate_load.size() / activations.blocks.size();
  for (std::size_t layer = 0; layer < activations.blocks.size(); ++layer) {
    auto const& router = activations.blocks[layer].moe.routed.router;
    auto const* const statistics = router.statistics();
    for (std::size_t i = 0; i < counts.size(); ++i) {
      auto const& term = router.terms[i];
      if (!counts[i]) continue;
      report.loss_terms[layer * counts.size() + i] += term.weight * term.value;
      if (&term != statistics) continue;
      report.gate_cv2[layer] += term.cv2;
      for (std::size_t e = 0; e < experts; ++e) {
        report.gate_importance[layer * experts + e] += term.importance[e];
        report.gate_load[layer * experts + e] += term.load[e];
      }
    }
    if (statistics) continue;
    for (std::size_t e = 0; e < experts; ++e)
      report.gate_importance[layer * experts + e] = report.gate_load[layer * experts + e] = not_applicable;
  }
}

/// Whether a dp coordinate has pools of some loss to itself.
bool any_pool_is_own(RunConfig const& config, Layout const& layout) {
  auto const all = losses(config.model);
  return std::any_of(all.begin(), all.end(),
                     [&](LossConfig const& loss) { return step_pool_axis(config, layout, loss.pool) == Axis::tp; });
}

/// Over the dp coordinates, each of which knows its own pools.
void sum_gate_statistics(Mesh& mesh, ExchangeId const& exchange, StepReport& report) {
  std::vector<double> all;
  auto const parts = {&report.loss_terms, &report.gate_cv2, &report.gate_importance, &report.gate_load};
  for (auto const* part : parts) all.insert(all.end(), part->begin(), part->end());
  all_reduce_control(mesh, exchange, all);
  auto next = all.cbegin();
  for (auto* part : parts) {
    std::copy_n(next, part->size(), part->begin());
    next += std::ptrdiff_t(part->size());
  }
}

/// Choices of owned tokens before dropping: [routers, E].
std::vector<double> count_choices(ExecSpace const& exec, std::vector<RoutingRecord> const& records, ModelConfig const& model) {
  auto const [routers, experts] = router_extents(model);
  std::vector<double> counts(std::size_t(routers * experts));
  for (auto const& record : records)
    for (std::size_t l = 0; l < record.layers.size(); ++l)
      for (auto const expert : to_host_copy(exec, record.layers[l].expert))
        ++counts[l * std::size_t(experts) + std::size_t(expert)];
  return counts;
}

/// Adds the pool means of records to those of a step [routers, E].
void add_pool_means(std::vector<RoutingRecord> const& records, std::span<double> means) {
  for (auto const& record : records) {
    auto next = means.begin();
    for (auto const& layer : record.layers)
      for (double const part : layer.pool_means) *next++ += part;
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
  make_room(config_.model, report);
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
  if (config_.train.mode == "train" && gate_kind(config_.model).updates) update_gates(decisions.records);
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
  Decisions decisions;
  for (std::size_t m = 0; m < batches.size(); ++m) {
    pass.batch = &batches[m].device;
    pass.micro_batch = std::int64_t(m);
    pass.accumulates = m > 0;
    auto activations = model_.forward(exec_, pass, weights_);
    decisions.records.push_back(record_routing<T>(activations));
    decisions.shares.push_back(keep_shares<T>(config_.model, activations));
    if (m + 1 == batches.size()) decisions.last_scores = keep_scores<T>(activations);
    add_gate_statistics(activations, counted_losses(), report);
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

/// Of pools that the stage shares every rank knows the whole, and one dp coordinate tells it where others tell of their own.
template <class T>
std::vector<bool> Trainer<T>::counted_losses() const {
  bool const told = mesh_.layout().coordinate(Axis::dp, mesh_.rank()) == 0 || !any_pool_is_own(config_, mesh_.layout());
  std::vector<bool> counts;
  for (auto const& loss : losses(config_.model))
    counts.push_back(told || step_pool_axis(config_, mesh_.layout(), loss.pool) == Axis::tp);
  return counts;
}

template <class T>
void Trainer<T>::sum_losses(StepReport& report) {
  all_reduce_control(mesh_, loss_, std::span<double>(&report.loss_cross_entropy, 1));
  if (any_pool_is_own(config_, mesh_.layout())) sum_gate_statistics(mesh_, gate_statistics_, report);
  auto const terms = report.loss_terms.size() / report.loss_balance.size();
  for (std::size_t i = 0; i < report.loss_terms.size(); ++i) report.loss_balance[i / terms] += report.loss_terms[i];
  report.loss_total = std::accumulate(report.loss_balance.begin(), report.loss_balance.end(), report.loss_cross_entropy);
}

/// Of the ranks that share a pool, and so know alike what is in it, the first brings it to the sum over ranks.
template <class T>
void Trainer<T>::update_gates(std::vector<RoutingRecord> const& records) {
  Region const region(Phase::optimizer);
  auto numbers = count_choices(exec_, records, config_.model);
  auto const all = numbers.size(), experts = all / weights_.blocks.size();
  numbers.resize(std::size_t(gate_step_numbers(config_.model)));
  auto const axis = step_pool_axis(config_, mesh_.layout(), config_.model.gate.pool);
  if (mesh_.layout().coordinate(axis, mesh_.rank()) == 0) add_pool_means(records, std::span(numbers).subspan(all));
  all_reduce_control(mesh_, gate_choices_, numbers);
  bool const has_means = !records.front().layers.front().pool_means.empty();  // a forced choice leaves none
  auto const means = has_means ? std::span<double const>(numbers).subspan(all) : std::span<double const>();
  auto const tokens = double(config_.batch.sequences * config_.batch.sequence_length);
  for (std::size_t l = 0; l < weights_.blocks.size(); ++l) {
    auto const of_router = [&](std::span<double const> whole) {
      return whole.empty() ? whole : whole.subspan(l * experts, experts);
    };
    GateStep const step{of_router(std::span(numbers).first(all)), tokens, of_router(means)};
    model_.router().gate().update(exec_, step, weights_.blocks[l].routed.gate);
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

#define MOESCOPE_INSTANTIATE(T) template class Trainer<T>;
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
