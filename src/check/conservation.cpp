#include "check/conservation.hpp"

#include <fmt/format.h>

#include <numeric>

#include "config/forced_workloads.hpp"
#include "config/gate_kinds.hpp"
#include "config/routers.hpp"

namespace moescope {

namespace {

using Counts = std::vector<std::int64_t>;

/// Sum over ranks (and micro-steps, where there are any) of [.., L,E] or [L].
Counts sum_over_ranks(StepReport const& report, Counts RankReport::*member, std::size_t size) {
  Counts sum(size);
  for (auto const& rank : report.ranks) {
    auto const& own = rank.*member;
    for (std::size_t i = 0; i < own.size(); ++i) sum[i % size] += own[i];
  }
  return sum;
}

}  // namespace

std::string conservation_failure(RunConfig const& config, Layout const& layout, StepReport const& report) {
  auto const [count, width] = router_extents(config.model);
  auto const layers = std::size_t(count), experts = std::size_t(width);
  auto const routed = sum_over_ranks(report, &RankReport::routed, layers * experts);
  auto const kept = sum_over_ranks(report, &RankReport::processed, layers * experts);
  auto const padded = sum_over_ranks(report, &RankReport::pads, layers * experts);
  auto const rows = sum_over_ranks(report, &RankReport::expert_rows, layers * experts);
  auto const sent = sum_over_ranks(report, &RankReport::rows_sent, layers);
  auto const received = sum_over_ranks(report, &RankReport::rows_received, layers);
  auto const choices = report.tokens * choices_per_token(config.model);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    auto const of_layer = routed.begin() + std::ptrdiff_t(layer * experts);
    auto const chosen = std::accumulate(of_layer, of_layer + std::ptrdiff_t(experts), std::int64_t(0));
    auto const failed = [&](std::string const& sentence) {
      return fmt::format("step {}, layer {}: {}", report.step, layer, sentence);
    };
    if (chosen != choices && !is_ragged(config))
      return failed(fmt::format("{} tokens made {} choices instead of {}", report.tokens, chosen, choices));
    if (sent[layer] != received[layer])
      return failed(fmt::format("the ranks sent {} rows and received {}", sent[layer], received[layer]));
    for (std::size_t expert = 0; expert < experts; ++expert) {
      auto const at = layer * experts + expert;
      if (kept[at] > routed[at]) return failed(fmt::format("expert {} kept {} choices of {}", expert, kept[at], routed[at]));
      if (rows[at] != layout.size(Axis::etp) * (kept[at] + padded[at]))
        return failed(fmt::format("{} rows of expert {} were computed for {} kept choices and {} pads on {} etp ranks each",
                                  rows[at], expert, kept[at], padded[at], layout.size(Axis::etp)));
    }
  }
  return {};
}

}  // namespace moescope
