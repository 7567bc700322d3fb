#include <fmt/format.h>

#include <limits>

#include "base/region.hpp"
#include "config/routers.hpp"
#include "metrics/bandwidth.hpp"
#include "metrics/flops.hpp"
#include "metrics/imbalance.hpp"
#include "record/rows.hpp"
#include "record/scales.hpp"
#include "record/schema.hpp"

namespace moescope::record {
namespace {

using Integers = std::vector<std::int64_t>;
using Numbers = std::vector<double>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// [L,N] from [L,R].
Integers sum_over_nodes(Integers const& rows, Nodes const& nodes) {
  auto const ranks = nodes.of_rank.size(), count = nodes.hosts.size();
  Integers sums(rows.size() / ranks * count, 0);
  for (std::size_t i = 0; i < rows.size(); ++i) sums[i / ranks * count + std::size_t(nodes.of_rank[i % ranks])] += rows[i];
  return sums;
}

void append_imbalance(Rows& rows, char const* level, Integers const& counts, std::int64_t layers) {
  auto const width = counts.size() / std::size_t(layers);
  for (auto const& measure : metrics::imbalance_measures) {
    Numbers values;
    for (std::size_t l = 0; l < std::size_t(layers); ++l) values.push_back(measure.of({counts.data() + l * width, width}));
    rows.push_back({fmt::format("/derived/imbalance/{}s/{}", level, measure.name), values});
  }
}

void append_imbalances(Rows& rows, RunFileSetup const& setup, StepReport const& report) {
  auto const layers = router_extents(setup.config.model).routers;
  auto const by_rank = rank_rows(setup.config, report);
  append_imbalance(rows, "expert", routed_counts(setup.config, report), layers);
  append_imbalance(rows, "rank", by_rank, layers);
  append_imbalance(rows, "node", sum_over_nodes(by_rank, nodes(setup.hosts)), layers);
}

Numbers dropped_fractions(RunConfig const& config, StepReport const& report) {
  auto const routed = routed_counts(config, report), processed = processed_counts(config, report);
  auto const [count, width] = router_extents(config.model);
  auto const layers = std::size_t(count), experts = std::size_t(width);
  Numbers fractions;
  for (std::size_t l = 0; l < layers; ++l) {
    double choices = 0, dropped = 0;
    for (std::size_t i = l * experts; i < (l + 1) * experts; ++i) {
      choices += double(routed[i]);
      dropped += double(routed[i] - processed[i]);
    }
    fractions.push_back(choices > 0 ? dropped / choices : nan);
  }
  return fractions;
}

/// In the order of schema::flop_numerators.
Numbers flops(RunConfig const& config, StepReport const& report) {
  auto const training = metrics::step_flops(config.model, report.tokens, config.batch.sequence_length);
  double const passes = config.train.mode == "forward" ? 1.0 / 3.0 : 1.0;  // backward is twice the forward in each of them
  double executed = 0;
  for (auto const& rank : report.ranks) executed += rank.executed_flops;
  return {training.megatron_causal * passes, training.non_causal * passes, training.six_n_active * passes,
          training.six_n_total * passes, executed};
}

void append_flops(Rows& rows, RunFileSetup const& setup, StepReport const& report) {
  auto const counted = flops(setup.config, report);
  double const seconds = speed_means_something(setup) ? slowest_seconds(report) : nan;
  double const peaks[] = {setup.config.machine.stated_peak_flops * double(setup.layout.ranks()), setup.measured_peak_flops};
  for (std::size_t n = 0; n < counted.size(); ++n) {
    auto const* const numerator = schema::flop_numerators[n];
    rows.push_back({fmt::format("/derived/flops/{}", numerator), Numbers{counted[n]}});
    for (std::size_t d = 0; d < std::size(peaks); ++d)
      rows.push_back({fmt::format("/derived/mfu/{}/{}", schema::peak_denominators[d], numerator),
                      Numbers{metrics::flops_utilization(counted[n], seconds, peaks[d])}});
  }
}

void append_throughput(Rows& rows, RunFileSetup const& setup, StepReport const& report) {
  double const rate = speed_means_something(setup) ? double(report.tokens) / slowest_seconds(report) : nan;
  rows.push_back({"/derived/tokens_per_second", Numbers{rate}});
  rows.push_back({"/derived/tgs", Numbers{rate / double(setup.layout.ranks())}});
}

void append_gate_cost(Rows& rows, RunFileSetup const& setup, StepReport const& report) {
  bool const known = setup.config.train.timing == "phased" && times_mean_something(setup);
  double seconds = known ? 0 : nan;
  for (auto const& rank : report.ranks) seconds += rank.phase_seconds.at(std::size_t(Phase::gate));
  rows.push_back({"/derived/gate_seconds_per_token", Numbers{seconds / double(report.tokens)}});
}

/// Payload and seconds of an exchange are summed over ranks: the mean rate of a rank, weighted by its time.
void append_bandwidth(Rows& rows, RunFileSetup const& setup, StepReport const& report) {
  Numbers algorithm, bus;
  for (std::size_t c = 0; c < setup.collectives.size(); ++c) {
    double payload = 0, seconds = 0;
    for (auto const& rank : report.ranks) {
      payload += double(rank.volumes.at(c).payload_bytes);
      seconds += rank.transfer_seconds.at(c);
    }
    if (!times_mean_something(setup) || !(seconds > 0)) seconds = nan;
    auto const& collective = setup.collectives[c];
    algorithm.push_back(metrics::algbw(payload, seconds));
    bus.push_back(metrics::busbw(payload, seconds, traffic::name(collective.operation), setup.layout.size(collective.axis)));
  }
  rows.push_back({"/derived/bandwidth/algbw", algorithm});
  rows.push_back({"/derived/bandwidth/busbw", bus});
}

}  // namespace

Rows derived_rows(RunFileSetup const& setup, StepReport const& report) {
  Rows rows = {{"/derived/dropped_fraction", dropped_fractions(setup.config, report)}};
  append_imbalances(rows, setup, report);
  append_flops(rows, setup, report);
  append_throughput(rows, setup, report);
  append_bandwidth(rows, setup, report);
  append_gate_cost(rows, setup, report);
  return rows;
}

}  // namespace moescope::record
