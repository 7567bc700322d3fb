#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace moescope {

/// How a gate reaches the tokens of its pool that other ranks own. Every rank of the job calls each function in the same
/// order, also one that owns no token. `SerialPool` is the one-rank version; `comm` implements it over ranks.
/// Losses built from these sums are computed alike on every rank, so their backward needs no further exchange.
class PoolExchange {
 public:
  virtual ~PoolExchange() = default;
  /// Elementwise sum over all ranks, in place; every rank receives the same bits.
  virtual void sum(std::span<double> values) = 0;
  /// `width` numbers per owned token of every rank, concatenated in global token order. rows.size() = owned * width.
  virtual std::vector<double> gather(std::span<double const> rows, std::int64_t width) = 0;
};

class SerialPool final : public PoolExchange {
 public:
  void sum(std::span<double>) override {}
  std::vector<double> gather(std::span<double const> rows, std::int64_t) override { return {rows.begin(), rows.end()}; }
};

/// The pools of one micro-batch. Tokens are numbered within the micro-batch over all ranks, [0, tokens).
struct PoolShape {
  std::int64_t tokens;          ///< tokens of the micro-batch, all ranks
  std::int64_t tokens_in_pool;  ///< pool p holds tokens [p * tokens_in_pool, (p+1) * tokens_in_pool)
  std::int64_t pools_in_step;   ///< pools of the whole global batch: what pool terms are averaged over
  std::int64_t count() const { return tokens_in_pool ? tokens / tokens_in_pool : 0; }
};

}  // namespace moescope
