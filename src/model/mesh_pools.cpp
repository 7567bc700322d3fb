#include "model/mesh_pools.hpp"

#include "base/error.hpp"
#include "config/pool_calls.hpp"

namespace moescope {

MeshPools::MeshPools(ModelConfig const& model, Mesh& mesh) {
  for (auto const& name : pool_names(model)) exchanges_.emplace_back(name, std::make_unique<MeshPool>(mesh));
}

std::vector<Pool> MeshPools::of(MicroBatch const& batch) {
  MOESCOPE_CHECK(batch.pools.size() == exchanges_.size());
  std::vector<Pool> pools;
  for (std::size_t i = 0; i < exchanges_.size(); ++i) {
    auto const& shared = batch.pools[i];
    auto const& [name, exchange] = exchanges_[i];
    MOESCOPE_CHECK(shared.name == name);
    exchange->set_sharers(shared.axis, shared.owned_tokens);
    pools.push_back({name, shared.shape, exchange.get()});
  }
  return pools;
}

}  // namespace moescope
