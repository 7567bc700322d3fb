#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/range.hpp"
#include "config/forced_workloads.hpp"
#include "gates/forced/counted.hpp"
#include "gates/forced/counts_of_shares.hpp"
#include "gates/forced/dealt.hpp"
#include "gates/forced/replayed.hpp"
#include "gates/forced/shares.hpp"

namespace moescope {

using namespace forced;

namespace {

using Forced = std::unique_ptr<ForcedRouting const>;

/// The same shares in every step.
template <class SharesOfLayer>
Forced by_shares(Batch const& batch, SharesOfLayer shares) {
  return counted(batch, [batch, shares](std::int64_t step, std::int64_t layer) {
    return counts_of_shares(shares(step, layer), batch.tokens * batch.choices, batch.tokens);
  });
}

Forced even(Batch const& batch, RoutingConfig const&) { return dealt_evenly(batch); }
Forced uniform(Batch const& batch, RoutingConfig const&) { return drawn_uniformly(batch); }
Forced ragged_source(Batch const& batch, RoutingConfig const& routing) { return drawn_raggedly(batch, routing); }

Forced hot_set(Batch const& batch, RoutingConfig const& r) {
  return by_shares(batch, [=](auto, auto layer) { return hot(forced::hot_set(batch, layer, r.hot_experts, 0), r.hot_share); });
}

Forced rotating(Batch const& batch, RoutingConfig const& r) {
  return by_shares(batch, [=](auto step, auto layer) {
    return hot(forced::hot_set(batch, layer, r.hot_experts, step / r.rotate_every), r.hot_share);
  });
}

Forced burst(Batch const& batch, RoutingConfig const& r) {
  return in_bursts(r.burst_period, r.burst_length, even(batch, r), hot_set(batch, r));
}

Forced hot_rank(Batch const& batch, RoutingConfig const& r) {
  std::vector<bool> is_hot(std::size_t(batch.num_experts));
  auto const range = split(batch.num_experts, r.expert_ranges, r.hot_range);
  std::fill(is_hot.begin() + range.begin, is_hot.begin() + range.end, true);
  return by_shares(batch, [=](auto, auto) { return hot(is_hot, r.hot_share); });
}

Forced zipf(Batch const& batch, RoutingConfig const& r) {
  return by_shares(batch, [=](auto, auto layer) { return forced::zipf(batch, layer, r.zipf_exponent); });
}

Forced log_normal(Batch const& batch, RoutingConfig const& r) {
  return by_shares(batch, [=](auto, auto layer) { return forced::log_normal(batch, layer, r.log_normal_sigma); });
}

Forced max_vio(Batch const& batch, RoutingConfig const& r) {
  auto const exponent = zipf_exponent_of(batch, r.max_vio);
  return by_shares(batch, [=](auto, auto layer) { return forced::zipf(batch, layer, exponent); });
}

Forced zero_expert(Batch const& batch, RoutingConfig const& r) {
  Shares shares(std::size_t(batch.num_experts), 1);
  for (auto const e : r.zero_experts) shares[std::size_t(e)] = 0;
  return by_shares(batch, [=](auto, auto) { return shares; });
}

Forced counts(Batch const& batch, RoutingConfig const& r) {
  std::vector<Shares> of_layer;
  for (auto const& counts : r.counts) of_layer.emplace_back(counts.begin(), counts.end());
  return by_shares(batch, [=](auto, auto layer) { return of_layer[std::size_t(layer)]; });
}

struct WorkloadFactory {
  std::string_view name;
  Forced (*make)(Batch const&, RoutingConfig const&);
};

/// The workloads of config/forced_workloads.cpp but for those that replay a file.
constexpr WorkloadFactory workload_factories[] = {
    {"even", even},   {"uniform", uniform},       {"hot_set", hot_set},         {"hot_rank", hot_rank},
    {"zipf", zipf},   {"log_normal", log_normal}, {"max_vio", max_vio},         {"rotating", rotating},
    {"burst", burst}, {"counts", counts},         {"zero_expert", zero_expert}, {"ragged_source", ragged_source},
};

}  // namespace

std::unique_ptr<ForcedRouting const> make_forced_routing(RunConfig const& config) {
  auto const* workload = find_forced_workload(config.routing.forced);
  if (!workload || workload->replays != Replays::nothing) return nullptr;
  auto const* found = std::find_if(std::begin(workload_factories), std::end(workload_factories),
                                   [&](auto const& each) { return each.name == workload->name; });
  MOESCOPE_CHECK(found != std::end(workload_factories));
  return found->make(Batch(config), config.routing);
}

std::unique_ptr<ForcedRouting const> make_replayed_routing(RunConfig const& config, RecordedCounts recorded) {
  return replayed(Batch(config), std::move(recorded));
}
std::unique_ptr<ForcedRouting const> make_replayed_routing(RunConfig const& config, RecordedChoices recorded) {
  return replayed(Batch(config), std::move(recorded));
}

}  // namespace moescope
