#include "comm/pool.hpp"

#include "base/error.hpp"
#include "comm/exchange.hpp"

namespace moescope {

MeshPool::MeshPool(Mesh& mesh)
    : mesh_(mesh),
      over_tp_{mesh.exchange(traffic::names::tp_pool_sum), mesh.exchange(traffic::names::tp_pool_gather)},
      over_stage_{mesh.exchange(traffic::names::stage_pool_sum), mesh.exchange(traffic::names::stage_pool_gather)} {}

void MeshPool::set_sharers(Axis axis, std::vector<std::vector<Range>> owned) {
  MOESCOPE_CHECK(axis == Axis::tp || axis == Axis::stage);
  MOESCOPE_CHECK(std::int64_t(owned.size()) == mesh_.group(axis).size());
  exchanges_ = axis == Axis::tp ? &over_tp_ : &over_stage_;
  owned_ = std::move(owned);
}

void MeshPool::sum(std::span<double> values) { all_reduce_control(mesh_, exchanges_->sum, values); }

std::vector<double> MeshPool::gather(std::span<double const> rows, std::int64_t width) {
  std::vector<std::int64_t> counts;
  for (auto const& runs : owned_) {
    counts.push_back(0);
    for (auto const& run : runs) counts.back() += run.size() * width;
  }
  return in_token_order(all_gather_control(mesh_, exchanges_->gather, rows, counts), owned_, width);
}

}  // namespace moescope
