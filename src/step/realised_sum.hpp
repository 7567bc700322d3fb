#pragma once
#include "config/gate_kinds.hpp"
#include "config/loss_kinds.hpp"
#include "config/routers.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// [L,A] from that of each rank: their sum, evenly over routers where a loss joins them.
inline std::vector<double> realised_losses(ModelConfig const& model, std::vector<RankReport> const& ranks) {
  auto const configured = losses(model);
  auto const routers = std::size_t(router_extents(model).routers), count = configured.size();
  std::vector<double> sum(routers * count);
  for (auto const& rank : ranks)
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += rank.loss_realised.at(i);
  for (std::size_t i = 0; i < count; ++i) {
    if (!loss_kind(configured[i].kind).joins_layers) continue;
    double all = 0;
    for (std::size_t l = 0; l < routers; ++l) all += sum[l * count + i];
    for (std::size_t l = 0; l < routers; ++l) sum[l * count + i] = all / double(routers);
  }
  return sum;
}

}  // namespace moescope
