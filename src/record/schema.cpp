#include "record/schema.hpp"

#include <fmt/format.h>

#include "metrics/imbalance.hpp"

namespace moescope::schema {
namespace {

using hdf5::Type;
using Table = std::vector<DatasetSpec>;

void add(Table& table, Table const& more) { table.insert(table.end(), more.begin(), more.end()); }

Table scales() {
  return {
      {"/step", {"step"}, Type::i64, "1", "step, counted from 0"},
      {"/detail_step", {"detail_step"}, Type::i64, "1", "step whose per-source-rank arrays are stored"},
      {"/router", {"router"}, Type::text, "1", "layer and block of the router"},
      {"/expert", {"expert"}, Type::i64, "1", "expert"},
      {"/other_expert", {"other_expert"}, Type::i64, "1", "expert that was chosen for the same token"},
      {"/token", {"token"}, Type::i64, "1", "place of a token in its step"},
      {"/choice", {"choice"}, Type::i64, "1", "place of a choice among those of its token"},
      {"/loss_kind", {"loss_kind"}, Type::text, "1", "loss of the routers"},
      {"/rank", {"rank"}, Type::i64, "1", "rank"},
      {"/peer", {"peer"}, Type::i64, "1", "rank at the other end of an exchange"},
      {"/peer_class", {"peer_class"}, Type::text, "1", "where the other end of an exchange is"},
      {"/node", {"node"}, Type::text, "1", "host name"},
      {"/phase", {"phase"}, Type::text, "1", "phase of a step"},
      {"/collective", {"collective"}, Type::text, "1", "exchange"},
      {"/evaluation", {"evaluation"}, Type::i64, "1", "evaluation, counted from 0"},
      {"/domain", {"domain"}, Type::text, "1", "domain of the data"},
      {"/memory_purpose", {"memory_purpose"}, Type::text, "1", "what memory is held for"},
      {"/placement_change", {"placement_change"}, Type::i64, "1", "placement, counted from 0"},
      {"/energy_sensor", {"energy_sensor"}, Type::text, "1", "host and energy counter"},
      {"/slot", {"slot"}, Type::i64, "1", "place for one expert on one rank, rank-major"},
      {"/statistic", {"statistic"}, Type::text, "1", "statistic of a headline number"},
  };
}

Table bookkeeping() {
  return {
      {"/steps_done", {}, Type::i64, "1", "steps that are complete on disk"},
      {"/provenance/rank_node", {"rank"}, Type::i64, "1", "index on /node of the rank's host"},
      {"/provenance/collective_axis", {"collective"}, Type::text, "1", "axis of the rank grid that the exchange runs over"},
      {"/provenance/collective_operation", {"collective"}, Type::text, "1", "operation of the exchange"},
      {"/provenance/collective_group_size", {"collective"}, Type::i64, "rank", "ranks in one group of the exchange"},
  };
}

Table raw_times_and_traffic() {
  return {
      {"/raw/step_seconds", {"step", "rank"}, Type::f64, "s", "wall time of the step"},
      {"/raw/warm_up",
       {"step"},
       Type::i8,
       "1",
       "1: of the run, no summary counts the step; 2: of a resumed launch, its times are not counted"},
      {"/raw/attempt", {"step"}, Type::i64, "1", "attempt that computed the step"},
      {"/raw/phase_seconds", {"step", "rank", "phase"}, Type::f64, "s", "fenced, exclusive time in the phase"},
      {"/raw/checks_seconds", {"step", "rank"}, Type::f64, "s", "checks of the step, after it"},
      {"/raw/collective_payload_bytes", {"step", "rank", "collective"}, Type::i64, "B", "buffer arguments of the calls"},
      {"/raw/collective_wire_bytes", {"step", "rank", "collective"}, Type::i64, "B", "payload times the operation's factor"},
      {"/raw/collective_messages", {"step", "rank", "collective"}, Type::i64, "1", "messages of the exchange"},
      {"/raw/collective_calls", {"step", "rank", "collective"}, Type::i64, "1", "calls of the exchange"},
      {"/raw/collective_wait_seconds", {"step", "rank", "collective"}, Type::f64, "s", "waiting for the last rank to arrive"},
      {"/raw/collective_transfer_seconds", {"step", "rank", "collective"}, Type::f64, "s", "time in the exchange"},
      {"/raw/peer_class_bytes",
       {"step", "rank", "peer_class"},
       Type::i64,
       "B",
       "expert exchange: bytes kept, to the node, beyond"},
      {"/raw/peer_bytes", {"detail_step", "rank", "peer"}, Type::i64, "B", "expert exchange: bytes from rank to peer"},
      {"/raw/memory_bytes", {"step", "rank"}, Type::i64, "B", "high-water mark of the process"},
      {"/raw/memory_by_purpose", {"step", "rank", "memory_purpose"}, Type::i64, "B", "bytes held by what they are for"},
      {"/raw/energy_joules",
       {"step", "energy_sensor"},
       Type::f64,
       "J",
       "energy that the sensor's part of the host used during the step, whoever used it"},
      {"/raw/executed_flops", {"step", "rank"}, Type::f64, "FLOP", "floating-point operations counted at the kernel calls"},
  };
}

Table raw_routing() {
  return {
      {"/raw/expert_tokens_routed", {"step", "router", "expert"}, Type::i64, "token", "choices before dropping"},
      {"/raw/expert_tokens_processed", {"step", "router", "expert"}, Type::i64, "token", "choices after dropping"},
      {"/raw/expert_rows_padded", {"step", "router", "expert"}, Type::i64, "row", "rows of zeros that filled the capacity"},
      {"/raw/expert_tokens_routed_by_rank",
       {"detail_step", "router", "rank", "expert"},
       Type::u32,
       "token",
       "choices before dropping, by the rank that owns the token"},
      {"/raw/expert_tokens_processed_by_rank",
       {"detail_step", "router", "rank", "expert"},
       Type::u32,
       "token",
       "choices after dropping, by the rank that owns the token"},
      {"/raw/expert_pairs",
       {"detail_step", "router", "expert", "other_expert"},
       Type::u32,
       "token",
       "tokens for which both experts were chosen, before dropping"},
      {"/raw/choices",
       {"detail_step", "router", "token", "choice"},
       Type::i32,
       "1",
       "expert that the token chose, before dropping, -1 where it made fewer choices"},
      {"/raw/confidence/top_probability", {"step", "router"}, Type::f64, "1", "mean over tokens of the largest probability"},
      {"/raw/confidence/entropy", {"step", "router"}, Type::f64, "nat", "mean over tokens of the entropy of the probabilities"},
      {"/raw/confidence/margin",
       {"step", "router"},
       Type::f64,
       "1",
       "mean over tokens of what lies between the least chosen and the best not chosen"},
      {"/raw/rank_rows", {"step", "router", "rank"}, Type::i64, "row", "expert rows computed by the rank"},
      {"/raw/rank_rows_worst_micro_batch",
       {"step", "router", "rank"},
       Type::i64,
       "row",
       "of the largest micro-batch of the step"},
      {"/raw/placement", {"placement_change", "router", "slot"}, Type::i64, "1", "expert in the slot, -1 where it is empty"},
      {"/raw/placement_from_step", {"placement_change"}, Type::i64, "1", "first step with this placement"},
      {"/raw/gate_importance",
       {"step", "router", "expert"},
       Type::f64,
       "1",
       "importance as the gate defines it, mean over pools"},
      {"/raw/gate_load", {"step", "router", "expert"}, Type::f64, "1", "load as the gate defines it, mean over pools"},
      {"/raw/gate_cv2", {"step", "router"}, Type::f64, "1", "cv^2(importance) + cv^2(load), mean over pools"},
  };
}

Table raw_training() {
  return {
      {"/raw/loss/total", {"step"}, Type::f64, "nat", "objective: cross-entropy and auxiliary losses"},
      {"/raw/loss/cross_entropy", {"step"}, Type::f64, "nat", "cross-entropy per labelled token"},
      {"/raw/loss/balance", {"step", "router"}, Type::f64, "nat", "balance loss, weighted, as added to the total"},
      {"/raw/loss/terms",
       {"step", "router", "loss_kind"},
       Type::f64,
       "nat",
       "each loss of the router, weighted, as added to the total"},
      {"/raw/loss/realised",
       {"step", "router", "loss_kind"},
       Type::f64,
       "nat",
       "each loss of shares, weighted, with the choices that capacity left"},
      {"/raw/eval/at_step", {"evaluation"}, Type::i64, "1", "steps done when the evaluation was made"},
      {"/raw/eval/loss", {"evaluation", "domain"}, Type::f64, "nat", "held-out cross-entropy per labelled token"},
      {"/raw/eval/expert_tokens", {"evaluation", "domain", "router", "expert"}, Type::i64, "token", "choices on held-out text"},
      {"/raw/eval/changed_tokens",
       {"evaluation", "domain", "router"},
       Type::i64,
       "token",
       "held-out tokens that go to other experts than in the evaluation before"},
      {"/raw/eval/collective_payload_bytes",
       {"evaluation", "rank", "collective"},
       Type::i64,
       "B",
       "payload of the evaluation's exchanges"},
      {"/raw/gradient_norm", {"step"}, Type::f64, "1", "norm of the whole gradient before clipping"},
      {"/raw/learning_rate", {"step"}, Type::f64, "1", "learning rate of the step"},
      {"/raw/tokens", {"step"}, Type::i64, "token", "tokens trained on by the whole job"},
      {"/raw/domain_tokens", {"step", "domain"}, Type::i64, "token", "tokens trained on, by domain"},
  };
}

Table computed() {
  return {
      {"/computed/payload_bytes", {"step", "rank", "collective"}, Type::i64, "B", "payload from configuration and counts"},
      {"/computed/messages", {"step", "rank", "collective"}, Type::i64, "1", "messages from configuration and counts"},
      {"/computed/calls", {"step", "rank", "collective"}, Type::i64, "1", "calls from configuration and counts"},
      {"/computed/rank_rows", {"step", "router", "rank"}, Type::i64, "row", "rows from configuration and counts"},
      {"/computed/rank_rows_worst_micro_batch",
       {"step", "router", "rank"},
       Type::i64,
       "row",
       "rows of the largest micro-batch from configuration and counts"},
  };
}

Table derived() {
  Table table = {
      {"/derived/dropped_fraction", {"step", "router"}, Type::f64, "1", "share of the choices that capacity dropped"},
      {"/derived/load_drift", {"step", "router"}, Type::f64, "1", "share of the choices that moved since the step before"},
      {"/derived/dead_fraction_over_window",
       {"step", "router"},
       Type::f64,
       "1",
       fmt::format("share of experts without a choice in {} steps", dead_window)},
      {"/derived/gate_seconds_per_token", {"step"}, Type::f64, "s token-1", "time of ranks in the phase gate over tokens"},
      {"/derived/eval/changed_fraction",
       {"evaluation", "router"},
       Type::f64,
       "1",
       "share of held-out tokens that go to other experts than in the evaluation before"},
      {"/derived/eval/domain_information",
       {"evaluation", "router"},
       Type::f64,
       "bit",
       "mutual information of domain and expert on held-out text"},
      {"/derived/tokens_per_second", {"step"}, Type::f64, "token s-1", "tokens of the job per second of the slowest rank"},
      {"/derived/tgs", {"step"}, Type::f64, "token s-1", "tokens per second and rank"},
      {"/derived/joules", {"step"}, Type::f64, "J", "energy of the job's hosts during the step"},
      {"/derived/joules_per_token", {"step"}, Type::f64, "J token-1", "energy of the job's hosts over tokens"},
      {"/derived/bandwidth/algbw", {"step", "collective"}, Type::f64, "B s-1", "algorithm bandwidth"},
      {"/derived/bandwidth/busbw", {"step", "collective"}, Type::f64, "B s-1", "bus bandwidth"},
  };
  for (auto const* level : imbalance_levels)
    for (auto const& measure : metrics::imbalance_measures)
      table.push_back({fmt::format("/derived/imbalance/{}s/{}", level, measure.name),
                       {"step", "router"},
                       Type::f64,
                       "1",
                       fmt::format("{} over {}s", measure.name, level)});
  for (auto const* numerator : flop_numerators)
    table.push_back({fmt::format("/derived/flops/{}", numerator),
                     {"step"},
                     Type::f64,
                     "FLOP",
                     fmt::format("operations of the whole job, counted as {}", numerator)});
  for (auto const* denominator : peak_denominators)
    for (auto const* numerator : flop_numerators)
      table.push_back({fmt::format("/derived/mfu/{}/{}", denominator, numerator),
                       {"step"},
                       Type::f64,
                       "1",
                       fmt::format("{} FLOPs over time and the {} peak", numerator, denominator)});
  return table;
}

Table summary() {
  auto const headline = [](std::string const& name, std::string const& units, std::string const& long_name) {
    return DatasetSpec{"/derived/summary/" + name, {"statistic"}, Type::f64, units, long_name + ", free window"};
  };
  Table table = {headline("step_seconds", "s", "wall time of a step"),
                 headline("tokens_per_second", "token s-1", "tokens of the job per second"),
                 headline("tgs", "token s-1", "tokens per second and rank"),
                 headline("joules", "J", "energy of the job's hosts during a step"),
                 headline("joules_per_token", "J token-1", "energy of the job's hosts over tokens"),
                 headline("dropped_fraction", "1", "share of the choices that capacity dropped")};
  for (auto const* level : imbalance_levels)
    table.push_back(headline(fmt::format("imbalance_{}", level), "1", fmt::format("max_over_mean over {}s", level)));
  for (auto const* denominator : peak_denominators)
    for (auto const* numerator : flop_numerators)
      table.push_back(headline(fmt::format("mfu_{}_{}", denominator, numerator), "1",
                               fmt::format("{} FLOPs over time and the {} peak", numerator, denominator)));
  return table;
}

}  // namespace

std::vector<DatasetSpec> const& datasets() {
  static Table const table = [] {
    Table all;
    for (auto const& part :
         {scales(), bookkeeping(), raw_times_and_traffic(), raw_routing(), raw_training(), computed(), derived(), summary()})
      add(all, part);
    return all;
  }();
  return table;
}

}  // namespace moescope::schema
