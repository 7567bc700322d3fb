#pragma once
#include "comm/mesh.hpp"
#include "gates/pool.hpp"

namespace moescope {

/// Pools over the ranks that share them: those of the tp group, or of the stage.
/// Ledgered as tp.pool_sum.forward and tp.pool_gather.forward, or stage.* (8 bytes per number).
class MeshPool final : public PoolExchange {
 public:
  explicit MeshPool(Mesh& mesh);
  MeshPool(MeshPool const&) = delete;
  MeshPool& operator=(MeshPool const&) = delete;
  /// Of the micro-batch to come: the axis, tp or stage, of the ranks that share its pools, and the runs of tokens that each of
  /// them owns, [size(axis)], which gather() needs. From which token on the runs count is of no importance.
  void set_sharers(Axis axis, std::vector<std::vector<Range>> owned);
  void sum(std::span<double> values) override;
  std::vector<double> gather(std::span<double const> rows, std::int64_t width) override;

 private:
  struct Exchanges {
    ExchangeId sum, gather;
  };
  Mesh& mesh_;
  Exchanges const over_tp_, over_stage_;
  Exchanges const* exchanges_ = &over_tp_;
  std::vector<std::vector<Range>> owned_;
};

}  // namespace moescope
