#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/range.hpp"

namespace moescope {

/// How a gate reaches the tokens of its pools that other ranks own. Every rank that shares pools calls each function in the
/// same order, also one that owns no token. `SerialPool` is the one-rank version; `comm` implements it over ranks.
/// Losses built from these sums are computed alike on these ranks, so their backward needs no further exchange.
class PoolExchange {
 public:
  virtual ~PoolExchange() = default;
  /// Elementwise sum over the ranks that share pools, in place; every rank receives the same bits.
  virtual void sum(std::span<double> values) = 0;
  /// `width` numbers per owned token of each of them, in the order of token ids, as `rows` are. rows.size() = owned * width.
  virtual std::vector<double> gather(std::span<double const> rows, std::int64_t width) = 0;
};

/// What several owners gathered, one after the other, with `width` numbers a token: by ascending token instead. runs[i]: the
/// tokens of owner i, ascending. All together they are one run.
std::vector<double> in_token_order(std::vector<double> gathered, std::vector<std::vector<Range>> const& runs, std::int64_t width);

class SerialPool final : public PoolExchange {
 public:
  void sum(std::span<double>) override {}
  std::vector<double> gather(std::span<double const> rows, std::int64_t) override { return {rows.begin(), rows.end()}; }
};

/// The pools of one micro-batch that some ranks share, which together hold the tokens [first_id, first_id + tokens).
struct PoolShape {
  std::int64_t first_id = 0;
  std::int64_t tokens = 0;          ///< tokens of the micro-batch on these ranks
  std::int64_t tokens_in_pool = 0;  ///< pool p holds tokens first_id + [p * tokens_in_pool, (p+1) * tokens_in_pool)
  std::int64_t pools_in_step = 0;   ///< pools of the whole global batch: what pool terms are averaged over
  std::int64_t count() const { return tokens_in_pool ? tokens / tokens_in_pool : 0; }
};

/// The pools of one name, and how their tokens on other ranks are reached.
struct Pool {
  std::string name;  ///< "sequence", "block:<b>", "batch"
  PoolShape shape;
  PoolExchange* exchange = nullptr;
};

}  // namespace moescope
