#pragma once
#include "comm/mesh.hpp"
#include "gates/pool.hpp"

namespace moescope {

/// Pools over all ranks of the mesh: world rank order is global token order (dp outer, tp inner). Ledgered as
/// world.pool_sum.forward and world.pool_gather.forward (8 bytes per number).
class MeshPool final : public PoolExchange {
 public:
  explicit MeshPool(Mesh& mesh);
  /// Owned tokens of every rank in the micro-batch to come, [ranks]; gather() needs them.
  void set_owned_tokens(std::vector<std::int64_t> owned) { owned_ = std::move(owned); }
  void sum(std::span<double> values) override;
  std::vector<double> gather(std::span<double const> rows, std::int64_t width) override;

 private:
  Mesh& mesh_;
  ExchangeId const sum_, gather_;
  std::vector<std::int64_t> owned_;
};

}  // namespace moescope
