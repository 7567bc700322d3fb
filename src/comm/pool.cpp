#include "comm/pool.hpp"

#include "base/error.hpp"
#include "comm/exchange.hpp"

namespace moescope {

MeshPool::MeshPool(Mesh& mesh)
    : mesh_(mesh), sum_(mesh.exchange(traffic::names::pool_sum)), gather_(mesh.exchange(traffic::names::pool_gather)) {}

void MeshPool::sum(std::span<double> values) { all_reduce_control(mesh_, sum_, values); }

std::vector<double> MeshPool::gather(std::span<double const> rows, std::int64_t width) {
  MOESCOPE_CHECK(std::int64_t(owned_.size()) == mesh_.group(Axis::stage).size());
  auto counts = owned_;
  for (auto& n : counts) n *= width;
  return all_gather_control(mesh_, gather_, rows, counts);
}

}  // namespace moescope
