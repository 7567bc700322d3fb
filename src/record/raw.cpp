#include <algorithm>
#include <limits>

#include "config/routers.hpp"
#include "metrics/bandwidth.hpp"
#include "record/rows.hpp"
#include "record/scales.hpp"
#include "step/realised_sum.hpp"

namespace moescope::record {
namespace {

using Integers = std::vector<std::int64_t>;

/// [R, n] = of each rank, what `take` gives.
template <class Value, class Take>
std::vector<Value> of_ranks(StepReport const& report, Take&& take) {
  std::vector<Value> all;
  for (auto const& rank : report.ranks) {
    std::vector<Value> const own = take(rank);
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

template <class Take>
Integers of_volumes(RankReport const& rank, Take&& take) {
  Integers values;
  for (auto const& volume : rank.volumes) values.push_back(take(volume));
  return values;
}

/// [L,R] from each rank's [L].
Integers by_layer(RunConfig const& config, StepReport const& report, Integers RankReport::*member) {
  Integers values;
  for (std::int64_t layer = 0; layer < router_extents(config.model).routers; ++layer)
    for (auto const& rank : report.ranks) values.push_back((rank.*member).at(std::size_t(layer)));
  return values;
}

/// [L,E] of one rank's [M,L,E].
Integers sum_micro_steps(Integers const& counts, std::size_t block) {
  Integers sum(block, 0);
  for (std::size_t i = 0; i < counts.size(); ++i) sum[i % block] += counts[i];
  return sum;
}

std::size_t block_size(RunConfig const& config) {
  auto const [count, experts] = router_extents(config.model);
  return std::size_t(count * experts);
}

/// [L,R,E] from each rank's [L,E] or, summed, [M,L,E].
Integers by_rank(RunConfig const& config, StepReport const& report, Integers RankReport::*member) {
  auto const ranks = report.ranks.size(), experts = std::size_t(router_extents(config.model).experts);
  Integers all(block_size(config) * ranks);
  for (std::size_t r = 0; r < ranks; ++r) {
    auto const own = sum_micro_steps(report.ranks[r].*member, block_size(config));
    for (std::size_t i = 0; i < own.size(); ++i) all[(i / experts * ranks + r) * experts + i % experts] = own[i];
  }
  return all;
}

Integers sum_ranks(RunConfig const& config, StepReport const& report, Integers RankReport::*member) {
  Integers sum(block_size(config), 0);
  for (auto const& rank : report.ranks) {
    auto const own = sum_micro_steps(rank.*member, sum.size());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += own[i];
  }
  return sum;
}

/// [R,3] bytes kept at home, sent to another rank of the node, sent to another node.
Integers peer_classes(RunFileSetup const& setup, StepReport const& report) {
  auto const node = nodes(setup.hosts).of_rank;
  Integers bytes(report.ranks.size() * 3, 0);
  for (std::size_t r = 0; r < report.ranks.size(); ++r)
    for (std::size_t p = 0; p < report.ranks.size(); ++p)
      bytes[r * 3 + (r == p ? 0 : node.at(r) == node.at(p) ? 1 : 2)] += report.ranks[r].peer_bytes.at(p);
  return bytes;
}

std::vector<double> unknown(std::size_t count) { return std::vector<double>(count, std::numeric_limits<double>::quiet_NaN()); }

Rows times(RunFileSetup const& setup, StepReport const& report) {
  bool const phased = setup.config.train.timing == "phased";
  auto seconds = [&](auto take) { return of_ranks<double>(report, take); };
  auto phases = seconds([](auto const& rank) { return rank.phase_seconds; });
  return {
      {"/raw/step_seconds", seconds([](auto const& rank) { return std::vector{rank.step_seconds}; })},
      {"/raw/checks_seconds", seconds([](auto const& rank) { return std::vector{rank.checks_seconds}; })},
      {"/raw/phase_seconds", phased ? phases : unknown(phases.size())},
      {"/raw/collective_wait_seconds", seconds([](auto const& rank) { return rank.wait_seconds; })},
      {"/raw/collective_transfer_seconds", seconds([](auto const& rank) { return rank.transfer_seconds; })},
      {"/raw/executed_flops", seconds([](auto const& rank) { return std::vector{rank.executed_flops}; })},
  };
}

/// [R,C]
Integers wire_bytes(RunFileSetup const& setup, StepReport const& report) {
  Integers values;
  for (auto const& rank : report.ranks)
    for (std::size_t c = 0; c < setup.collectives.size(); ++c) {
      auto const& collective = setup.collectives[c];
      values.push_back(metrics::wire_bytes(rank.volumes.at(c).payload_bytes, traffic::name(collective.operation),
                                           setup.layout.size(collective.axis)));
    }
  return values;
}

Rows traffic_rows(RunFileSetup const& setup, StepReport const& report) {
  auto const volumes = [&](auto take) {
    return of_ranks<std::int64_t>(report, [&](auto const& rank) { return of_volumes(rank, take); });
  };
  return {
      {"/raw/collective_payload_bytes", volumes([](auto const& volume) { return volume.payload_bytes; })},
      {"/raw/collective_wire_bytes", wire_bytes(setup, report)},
      {"/raw/collective_messages", volumes([](auto const& volume) { return volume.messages; })},
      {"/raw/collective_calls", volumes([](auto const& volume) { return volume.calls; })},
      {"/raw/peer_class_bytes", peer_classes(setup, report)},
  };
}

Rows memory(StepReport const& report) {
  return {
      {"/raw/memory_bytes", of_ranks<std::int64_t>(report, [](auto const& rank) { return Integers{rank.memory_bytes}; })},
      {"/raw/memory_by_purpose", of_ranks<std::int64_t>(report, [](auto const& rank) { return rank.memory_by_purpose; })},
  };
}

Rows routing(RunConfig const& config, StepReport const& report) {
  return {
      {"/raw/expert_tokens_routed", routed_counts(config, report)},
      {"/raw/expert_tokens_processed", processed_counts(config, report)},
      {"/raw/expert_rows_padded", sum_ranks(config, report, &RankReport::pads)},
      {"/raw/rank_rows", rank_rows(config, report)},
      {"/raw/rank_rows_worst_micro_batch", by_layer(config, report, &RankReport::rows_worst)},
      {"/raw/gate_importance", report.gate_importance},
      {"/raw/gate_load", report.gate_load},
      {"/raw/gate_cv2", report.gate_cv2},
  };
}

/// [L] Means over the tokens that have such a number.
Rows confidence(RunConfig const& config, StepReport const& report) {
  std::vector<double> top, entropy, margin;
  for (std::size_t l = 0; l < std::size_t(router_extents(config.model).routers); ++l) {
    metrics::ConfidenceSums sums;
    for (auto const& rank : report.ranks) sums.add(rank.confidence.at(l));
    top.push_back(sums.top_probability / sums.tokens);
    entropy.push_back(sums.entropy / sums.tokens);
    margin.push_back(sums.margin / sums.tokens_with_margin);
  }
  return {{"/raw/confidence/top_probability", top}, {"/raw/confidence/entropy", entropy}, {"/raw/confidence/margin", margin}};
}

/// 1 where the step is of the run's warm-up, 2 where it is only of a resumed launch's.
std::int64_t warm_up(RunFileSetup const& setup, std::int64_t step) {
  auto const steps = setup.config.train.record_warm_up_steps;
  return step < steps ? 1 : setup.continued && step - setup.first_step() < steps ? 2 : 0;
}

Rows training(RunFileSetup const& setup, StepReport const& report) {
  return {
      {"/raw/warm_up", Integers{warm_up(setup, report.step)}},
      {"/raw/loss/total", std::vector{report.loss_total}},
      {"/raw/loss/cross_entropy", std::vector{report.loss_cross_entropy}},
      {"/raw/loss/balance", report.loss_balance},
      {"/raw/loss/terms", report.loss_terms},
      {"/raw/loss/realised", realised_losses(setup.config.model, report.ranks)},
      {"/raw/gradient_norm", std::vector{report.gradient_norm}},
      {"/raw/learning_rate", std::vector{report.learning_rate}},
      {"/raw/tokens", Integers{report.tokens}},
      {"/raw/domain_tokens", report.domain_tokens},
  };
}

}  // namespace

std::vector<std::int64_t> routed_counts(RunConfig const& config, StepReport const& report) {
  return sum_ranks(config, report, &RankReport::routed);
}
std::vector<std::int64_t> processed_counts(RunConfig const& config, StepReport const& report) {
  return sum_ranks(config, report, &RankReport::processed);
}
std::vector<std::int64_t> rank_rows(RunConfig const& config, StepReport const& report) {
  return by_layer(config, report, &RankReport::rows);
}

double slowest_seconds(StepReport const& report) {
  double slowest = 0;
  for (auto const& rank : report.ranks) slowest = std::max(slowest, rank.step_seconds);
  return slowest;
}

Rows raw_rows(RunFileSetup const& setup, StepReport const& report) {
  Rows all;
  for (auto const& part : {times(setup, report), traffic_rows(setup, report), memory(report), routing(setup.config, report),
                           confidence(setup.config, report), training(setup, report)})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

Rows detail_rows(RunFileSetup const& setup, StepReport const& report) {
  return {
      {"/raw/expert_tokens_routed_by_rank", by_rank(setup.config, report, &RankReport::routed)},
      {"/raw/expert_tokens_processed_by_rank", by_rank(setup.config, report, &RankReport::processed)},
      {"/raw/expert_pairs", report.expert_pairs},
      {"/raw/choices", report.choices},
      {"/raw/peer_bytes", of_ranks<std::int64_t>(report, [](auto const& rank) { return rank.peer_bytes; })},
  };
}

Rows evaluation_rows(EvaluationReport const& report) {
  return {{"/raw/eval/loss", report.loss},
          {"/raw/eval/expert_tokens", report.expert_tokens},
          {"/raw/eval/changed_tokens", report.changed_tokens},
          {"/raw/eval/collective_payload_bytes", report.payload_bytes}};
}

}  // namespace moescope::record
