#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace moescope {

/// How a gate reaches the tokens of its pools that other ranks own. Every rank that shares pools calls each function in the
/// same order, also one that owns no token. `SerialPool` is the one-rank version; `comm` implements it over ranks.
/// Losses built from these sums are computed alike on these ranks, so their backward needs no further exchange.
class PoolExchange {
 public:
  virtual ~PoolExchange() = default;
  /// Elementwise sum over the ranks that share pools, in place; every rank receives the same bits.
  virtual void sum(std::span<double> values) = 0;
  /// `width` numbers per owned token of each of them, concatenated in global token order. rows.size() = owned * width.
  virtual std::vector<double> gather(std::span<double const> rows, std::int64_t width) = 0;
};

class SerialPool final : public PoolExchange {
 public:
  void sum(std::span<double>) override {}
  std::vector<double> gather(std::span<double const> rows, std::int64_t) override { return {rows.begin(), rows.end()}; }
};

/// The pools of one micro-batch that some ranks share. Tokens are numbered over these ranks, [0, tokens).
struct PoolShape {
  std::int64_t tokens;          ///< tokens of the micro-batch on these ranks
  std::int64_t tokens_in_pool;  ///< pool p holds tokens [p * tokens_in_pool, (p+1) * tokens_in_pool)
  std::int64_t pools_in_step;   ///< pools of the whole global batch: what pool terms are averaged over
  std::int64_t count() const { return tokens_in_pool ? tokens / tokens_in_pool : 0; }
};

}  // namespace moescope
