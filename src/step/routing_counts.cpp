#include "step/routing_counts.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/region.hpp"
#include "base/to_host.hpp"
#include "config/capacity.hpp"
#include "config/routers.hpp"
#include "step/realised_losses.hpp"

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
  if (pads(config.model)) report.pads.resize(report.processed.size());
  report.rows.resize(layers);
  report.rows_worst.resize(layers);
  report.expert_rows.resize(layers * experts);
  report.rows_sent.resize(layers);
  report.rows_received.resize(layers);
  report.peer_bytes.resize(std::size_t(mesh.layout().ranks()));
  report.loss_realised = no_realised_losses(config.model);
  report.confidence.resize(layers);
  report.memory_by_purpose.resize(std::size(memory_purposes));
  return report;
}

namespace {

void count_choices(ExecSpace const& exec, RoutingRecord::Layer const& layer, std::int64_t* routed, std::int64_t* processed) {
  auto const expert = to_host(exec, layer.expert);
  auto const kept = to_host(exec, layer.kept);
  for (std::size_t c = 0; c < expert.size(); ++c) {
    ++routed[expert(c)];
    processed[expert(c)] += kept(c);
  }
}

/// Bytes of one layer's expert exchanges by peer: rows out and back, and their weights; the own entry is what stays home.
void add_peer_bytes(std::vector<traffic::PeerRows> const& peers, std::int64_t row_bytes, std::int64_t weight_bytes, bool training,
                    std::vector<std::int64_t>& peer_bytes) {
  auto const row_trips = training ? 2 : 1;
  for (auto const& peer : peers) {
    auto const weights = peer.weights_out + (training ? peer.weights_back : 0);
    peer_bytes[std::size_t(peer.peer)] += row_trips * (peer.out + peer.back) * row_bytes + weights * weight_bytes;
  }
}

}  // namespace

template <class T>
RoutingRecord record_routing(Activations<T> const& activations) {
  RoutingRecord record;
  for (auto const& block : activations.blocks) {
    auto const& routing = block.moe.routed.router.routing;
    auto const& plan = block.moe.routed.plan;
    record.layers.push_back(
        {routing.offsets, routing.expert, routing.kept, plan.rows.expert_offsets, plan.peers, routing.pool_means, routing.pads});
  }
  return record;
}

void count_routing(ExecSpace const& exec, RoutingRecord const& record, RunConfig const& config, std::int64_t micro_step,
                   RankReport& report) {
  auto const [layers, experts] = router_extents(config.model);
  bool const training = config.train.mode == "train";
  auto const& number = scalar(config.train.dtype);
  for (std::int64_t l = 0; l < layers; ++l) {
    auto const& layer = record.layers[std::size_t(l)];
    count_choices(exec, layer, report.routed.data() + l * experts, report.processed.data() + (micro_step * layers + l) * experts);
    for (std::size_t e = 0; e < layer.pads.size(); ++e)
      report.pads[std::size_t((micro_step * layers + l) * experts) + e] += layer.pads[e];
    auto const computed = layer.expert_offsets.back();
    report.rows[std::size_t(l)] += computed;
    report.rows_worst[std::size_t(l)] = std::max(report.rows_worst[std::size_t(l)], computed);
    add_peer_bytes(layer.peers, config.model.hidden_size * number.stored, number.accumulated, training, report.peer_bytes);
  }
}

void count_rows(RoutingRecord const& record, Range mine, std::int64_t rank, RankReport& report) {
  auto const experts = report.expert_rows.size() / report.rows.size();
  for (std::size_t l = 0; l < record.layers.size(); ++l) {
    auto const& layer = record.layers[l];
    for (std::int64_t e = 0; e < mine.size(); ++e) {
      auto const* const offset = layer.expert_offsets.data() + e;
      report.expert_rows[l * experts + std::size_t(mine.begin + e)] += offset[1] - offset[0];
    }
    for (auto const& peer : layer.peers) {
      if (peer.peer == rank) continue;
      report.rows_sent[l] += peer.out;
      report.rows_received[l] += peer.back;
    }
  }
}

void count_pairs(ExecSpace const& exec, RoutingRecord const& record, std::int64_t experts, std::vector<std::int64_t>& pairs) {
  for (std::size_t l = 0; l < record.layers.size(); ++l) {
    auto const offsets = to_host(exec, record.layers[l].offsets), expert = to_host(exec, record.layers[l].expert);
    auto* const of_router = pairs.data() + std::int64_t(l) * experts * experts;
    for (std::size_t t = 0; t + 1 < offsets.size(); ++t)
      for (auto i = offsets(t); i < offsets(t + 1); ++i)
        for (auto j = offsets(t); j < offsets(t + 1); ++j) ++of_router[expert(i) * experts + expert(j)];
  }
}

#define MOESCOPE_INSTANTIATE(T) template RoutingRecord record_routing<T>(Activations<T> const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
