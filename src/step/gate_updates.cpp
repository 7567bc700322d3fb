#include "step/gate_updates.hpp"

#include "base/region.hpp"
#include "base/to_host.hpp"
#include "comm/exchange.hpp"
#include "config/pool_calls.hpp"
#include "config/routers.hpp"
#include "layout/shared_pools.hpp"

namespace moescope {
namespace {

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

}  // namespace

/// Of the ranks that share a pool, and so know alike what is in it, the first brings it to the sum over ranks.
template <class T>
void update_gates(ExecSpace const& exec, Mesh& mesh, ExchangeId const& exchange, RunConfig const& config,
                  std::vector<RoutingRecord> const& records, Gate<T> const& gate, ModelTensors<T> const& weights) {
  Region const region(Phase::optimizer);
  auto numbers = count_choices(exec, records, config.model);
  auto const all = numbers.size(), experts = all / weights.blocks.size();
  numbers.resize(std::size_t(gate_step_numbers(config.model)));
  auto const axis = step_pool_axis(config, mesh.layout(), config.model.gate.pool);
  if (mesh.layout().coordinate(axis, mesh.rank()) == 0) add_pool_means(records, std::span(numbers).subspan(all));
  all_reduce_control(mesh, exchange, numbers);
  bool const has_means = !records.front().layers.front().pool_means.empty();  // a forced choice leaves none
  auto const means = has_means ? std::span<double const>(numbers).subspan(all) : std::span<double const>();
  auto const tokens = double(config.batch.sequences * config.batch.sequence_length);
  for (std::size_t l = 0; l < weights.blocks.size(); ++l) {
    auto const of_router = [&](std::span<double const> whole) {
      return whole.empty() ? whole : whole.subspan(l * experts, experts);
    };
    GateStep const step{of_router(std::span(numbers).first(all)), tokens, of_router(means)};
    gate.update(exec, step, weights.blocks[l].routed.gate);
  }
}

#define MOESCOPE_INSTANTIATE(T)                                                                                                  \
  template void update_gates<T>(ExecSpace const&, Mesh&, ExchangeId const&, RunConfig const&, std::vector<RoutingRecord> const&, \
                                Gate<T> const&, ModelTensors<T> const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
