#include "step/gate_statistics.hpp"

#include <algorithm>
#include <limits>

#include "comm/exchange.hpp"
#include "config/gate_kinds.hpp"
#include "config/routers.hpp"
#include "layout/shared_pools.hpp"

namespace moescope {
namespace {

constexpr double no_statistics = std::numeric_limits<double>::quiet_NaN();

/// Whether a dp coordinate has pools of some loss to itself.
bool any_pool_is_own(RunConfig const& config, Layout const& layout) {
  auto const all = losses(config.model);
  return std::any_of(all.begin(), all.end(),
                     [&](LossConfig const& loss) { return step_pool_axis(config, layout, loss.pool) == Axis::tp; });
}

}  // namespace

void make_room_for_gate_statistics(ModelConfig const& model, StepReport& report) {
  auto const [routers, experts] = router_extents(model);
  report.loss_terms.resize(std::size_t(routers) * losses(model).size());
  report.loss_balance.resize(std::size_t(routers));
  report.gate_cv2.resize(std::size_t(routers));
  report.gate_importance.resize(std::size_t(routers * experts));
  report.gate_load.resize(std::size_t(routers * experts));
}

/// Of pools that the stage shares every rank knows the whole, and one dp coordinate tells it where others tell of their own.
std::vector<bool> counted_losses(RunConfig const& config, Layout const& layout, std::int64_t rank) {
  bool const told = layout.coordinate(Axis::dp, rank) == 0 || !any_pool_is_own(config, layout);
  std::vector<bool> counted;
  for (auto const& loss : losses(config.model)) counted.push_back(told || step_pool_axis(config, layout, loss.pool) == Axis::tp);
  return counted;
}

template <class T>
void add_gate_statistics(Activations<T> const& activations, std::vector<bool> const& counted, StepReport& report) {
  auto const experts = report.gate_load.size() / activations.blocks.size();
  for (std::size_t layer = 0; layer < activations.blocks.size(); ++layer) {
    auto const& router = activations.blocks[layer].moe.routed.router;
    auto const* const statistics = router.statistics();
    for (std::size_t i = 0; i < counted.size(); ++i) {
      auto const& term = router.terms[i];
      if (!counted[i]) continue;
      report.loss_terms[layer * counted.size() + i] += term.weight * term.value;
      if (&term != statistics) continue;
      report.gate_cv2[layer] += term.cv2;
      for (std::size_t e = 0; e < experts; ++e) {
        report.gate_importance[layer * experts + e] += term.importance[e];
        report.gate_load[layer * experts + e] += term.load[e];
      }
    }
    if (statistics) continue;
    for (std::size_t e = 0; e < experts; ++e)
      report.gate_importance[layer * experts + e] = report.gate_load[layer * experts + e] = no_statistics;
  }
}

void sum_gate_statistics(Mesh& mesh, ExchangeId const& exchange, RunConfig const& config, StepReport& report) {
  if (!any_pool_is_own(config, mesh.layout())) return;
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

#define MOESCOPE_INSTANTIATE(T) \
  template void add_gate_statistics<T>(Activations<T> const&, std::vector<bool> const&, StepReport&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
