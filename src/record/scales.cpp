#include "record/scales.hpp"

#include <algorithm>
#include <iterator>

#include "base/region.hpp"
#include "config/forced_workloads.hpp"
#include "config/gate_kinds.hpp"
#include "config/routers.hpp"
#include "record/schema.hpp"

namespace moescope::record {
namespace {

Scale counted(std::int64_t count, std::int64_t stride = 1) {
  Scale scale;
  for (std::int64_t i = 0; i < count; i += stride) scale.numbers.push_back(i);
  return scale;
}

template <class Names>
Scale named(Names const& names) {
  Scale scale;
  for (auto const& name : names) scale.names.emplace_back(name);
  return scale;
}

std::int64_t slots_per_rank(RunFileSetup const& setup) {
  std::int64_t most = 0;
  for (std::int64_t rank = 0; rank < setup.layout.ranks(); ++rank)
    most = std::max(most, setup.layout.experts(setup.config.model, rank).size());
  return most;
}

Scale router_names(ModelConfig const& model) {
  Scale scale;
  for (auto const& router : routers(model)) scale.names.push_back(router.name);
  return scale;
}

Scale loss_names(ModelConfig const& model) {
  Scale scale;
  for (auto const& loss : losses(model)) scale.names.push_back(loss.kind);
  return scale;
}

Scale collective_names(std::vector<traffic::Collective> const& collectives) {
  Scale scale;
  for (auto const& collective : collectives) scale.names.push_back(collective.name);
  return scale;
}

Scale sensor_names(EnergySensors const& energy) {
  Scale scale;
  for (auto const& sensor : energy.sensors) scale.names.push_back(sensor.name);
  return scale;
}

}  // namespace

std::size_t longest_name(Scale const& scale) {
  std::size_t length = 1;
  for (auto const& name : scale.names) length = std::max(length, name.size());
  return length;
}

Nodes nodes(std::vector<std::string> const& hosts) {
  Nodes result;
  for (auto const& host : hosts) {
    auto const found = std::find(result.hosts.begin(), result.hosts.end(), host);
    result.of_rank.push_back(std::distance(result.hosts.begin(), found));
    if (found == result.hosts.end()) result.hosts.push_back(host);
  }
  return result;
}

std::map<std::string, Scale> scales(RunFileSetup const& setup, std::int64_t steps) {
  auto const& config = setup.config;
  auto const ranks = setup.layout.ranks();
  return {
      {"step", counted(steps)},
      {"detail_step", counted(steps, std::max<std::int64_t>(config.record.detail_every, 1))},
      {"router", router_names(config.model)},
      {"expert", counted(router_extents(config.model).experts)},
      {"other_expert", counted(router_extents(config.model).experts)},
      {"token", counted(config.record.choices ? config.batch.sequences * config.batch.sequence_length : 0)},
      {"choice", counted(config.record.choices ? most_choices(config) : 0)},
      {"loss_kind", loss_names(config.model)},
      {"rank", counted(ranks)},
      {"peer", counted(ranks)},
      {"peer_class", named(schema::peer_classes)},
      {"node", named(nodes(setup.hosts).hosts)},
      {"phase", named(phase_names)},
      {"collective", collective_names(setup.collectives)},
      {"evaluation", counted(std::int64_t(setup.eval_steps.size()))},
      {"domain", named(setup.domains)},
      {"memory_purpose", named(memory_purposes)},
      {"placement_change", counted(1)},
      {"energy_sensor", sensor_names(setup.energy)},
      {"slot", counted(ranks * slots_per_rank(setup))},
      {"statistic", named(schema::statistics)},
  };
}

std::vector<std::int64_t> placement(RunFileSetup const& setup) {
  auto const per_rank = slots_per_rank(setup), ranks = setup.layout.ranks();
  std::vector<std::int64_t> layer(std::size_t(ranks * per_rank), -1), all;
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    auto const held = setup.layout.experts(setup.config.model, rank);
    for (auto expert = held.begin; expert < held.end; ++expert)
      layer[std::size_t(rank * per_rank + expert - held.begin)] = expert;
  }
  for (std::int64_t r = 0; r < router_extents(setup.config.model).routers; ++r) all.insert(all.end(), layer.begin(), layer.end());
  return all;
}

}  // namespace moescope::record
