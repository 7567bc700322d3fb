#pragma once
#include "comm/mesh.hpp"
#include "gates/pool.hpp"

namespace moescope {

/// Pools over the ranks of the stage, whose coordinate is the order of the tokens. Ledgered as stage.pool_sum.forward and
/// stage.pool_gather.forward (8 bytes per number).
class MeshPool final : public PoolExchange {
 public:
  explicit MeshPool(Mesh& mesh);
  /// Layout::owned_token_counts() of the micro-batch to come; gather() needs them.
  void set_owned_tokens(std::vector<std::int64_t> owned) { owned_ = std::move(owned); }
  void sum(std::span<double> values) override;
  std::vector<double> gather(std::span<double const> rows, std::int64_t width) override;

 private:
  Mesh& mesh_;
  ExchangeId const sum_, gather_;
  std::vector<std::int64_t> owned_;
};

}  // namespace moescope
