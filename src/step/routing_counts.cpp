#include "step/routing_counts.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/region.hpp"
#include "base/to_host.hpp"
#include "config/routers.hpp"

namespace moescope {

RankReport empty_rank_report(RunConfig const& config, Mesh& mesh) {
  auto const [count, width] = router_extents(config.model);
  auto const layers = std::size_t(count), experts = std::size_t(width);
  auto const collectives = mesh.ledger().collectives().size();
  RankReport report;
  report.phase_seconds.resize(phase_names.size());
  report.volumes.resize(collectives);
  report.wait_seconds.resize(collectives);
  report.transfer_seconds.resize(collectives);
  report.routed.resize(layers * experts);
  report.processed.resize(std::size_t(config.batch.micro_steps) * layers * experts);
  report.rows.resize(layers);
  report.rows_worst.resize(layers);
  report.expert_rows.resize(layers * experts);
  report.rows_sent.resize(layers);
  report.rows_received.resize(layers);
  report.peer_bytes.resize(std::size_t(mesh.layout().ranks()));
  report.memory_by_purpose.resize(std::size(memory_purposes));
  return report;
}

namespace {

template <class T>
void count_choices(ExecSpace const& exec, Routing<T> const& routing, std::int64_t* routed, std::int64_t* processed) {
  auto const expert = to_host(exec, routing.expert);
  auto const kept = to_host(exec, routing.kept);
  for (std::int64_t c = 0; c < routing.num_choices; ++c) {
    ++routed[expert(c)];
    processed[expert(c)] += kept(c);
  }
}

/// Bytes of one layer's expert exchanges by peer: rows out and back, and their weights; the own entry is what stays home.
void add_peer_bytes(Plan const& plan, std::int64_t row_bytes, std::int64_t weight_bytes, bool training,
                    std::vector<std::int64_t>& peer_bytes) {
  auto const row_trips = training ? 2 : 1;
  for (auto const& peer : plan.peers) {
    auto const weights = peer.weights_out + (training ? peer.weights_back : 0);
    peer_bytes[std::size_t(peer.rank)] += row_trips * (peer.rows_out + peer.rows_back) * row_bytes + weights * weight_bytes;
  }
}

}  // namespace

template <class T>
void count_routing(ExecSpace const& exec, Activations<T> const& activations, RunConfig const& config, std::int64_t micro_step,
                   RankReport& report) {
  auto const [layers, experts] = router_extents(config.model);
  bool const training = config.train.mode == "train";
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    auto const& moe = activations.blocks[std::size_t(layer)].moe;
    count_choices(exec, moe.routed.gate.routing, report.routed.data() + layer * experts,
                  report.processed.data() + (micro_step * layers + layer) * experts);
    auto const computed = moe.routed.plan.rows.num_gathered();
    report.rows[std::size_t(layer)] += computed;
    report.rows_worst[std::size_t(layer)] = std::max(report.rows_worst[std::size_t(layer)], computed);
    add_peer_bytes(moe.routed.plan, config.model.hidden_size * std::int64_t(sizeof(T)), sizeof(Accumulate<T>), training,
                   report.peer_bytes);
  }
}

template <class T>
void count_rows(Activations<T> const& activations, Range mine, std::int64_t rank, RankReport& report) {
  auto const experts = report.expert_rows.size() / report.rows.size();
  for (std::size_t layer = 0; layer < activations.blocks.size(); ++layer) {
    auto const& plan = activations.blocks[layer].moe.routed.plan;
    for (std::int64_t e = 0; e < mine.size(); ++e) {
      auto const* const offset = plan.rows.expert_offsets.data() + e;
      report.expert_rows[layer * experts + std::size_t(mine.begin + e)] += offset[1] - offset[0];
    }
    for (auto const& peer : plan.peers) {
      if (peer.rank == rank) continue;
      report.rows_sent[layer] += peer.rows_out;
      report.rows_received[layer] += peer.rows_back;
    }
  }
}

#define MOESCOPE_INSTANTIATE(T)                                                         \
  template void count_rows<T>(Activations<T> const&, Range, std::int64_t, RankReport&); \
  template void count_routing<T>(ExecSpace const&, Activations<T> const&, RunConfig const&, std::int64_t, RankReport&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
