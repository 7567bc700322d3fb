#pragma once
#include <span>
#include <vector>

#include "base/token_ids.hpp"
#include "gates/losses/loss.hpp"

namespace moescope::gates {

/// Number of the pool, among those of the ranks that share them, that a row of this rank belongs to.
struct PoolOfRow {
  ConstVector<std::int64_t> ids;
  std::int64_t first_id, tokens_in_pool;
  PoolOfRow(TokenIds const& tokens, Pool const& pool)
      : ids(tokens.on_device()), first_id(pool.shape.first_id), tokens_in_pool(pool.shape.tokens_in_pool) {}
  KOKKOS_INLINE_FUNCTION std::int64_t operator()(std::int64_t row) const { return (ids(row) - first_id) / tokens_in_pool; }
};

/// Column sums of terms [tokens,columns] over each pool and the ranks that share it -> [pools,columns]; on a rank in token order,
/// in double. One PoolExchange::sum, whatever the number of tokens.
template <class T>
std::vector<double> sum_over_pools(ExecSpace const& exec, ConstMatrix<T> terms, TokenIds const& tokens, Pool const& pool);

/// cv^2(q) = Var(q) / (mean(q)^2 + 1e-10) with the unbiased variance; 0 for one value (LLaMA-MoE `cv_squared`).
double cv_squared(std::span<double const> q);
/// gradient += scale * d cv^2(q) / dq.
void add_cv_squared_gradient(std::span<double const> q, double scale, std::span<double> gradient);

struct PoolStatistics {
  std::vector<double> values;  ///< [pools,2E]: each pool's importance, then its load
  std::int64_t pools, num_experts;
  std::span<double const> importance(std::int64_t pool) const { return row(pool).first(num_experts); }
  std::span<double const> load(std::int64_t pool) const { return row(pool).last(num_experts); }

 private:
  std::span<double const> row(std::int64_t pool) const {
    return {values.data() + pool * 2 * num_experts, std::size_t(2 * num_experts)};
  }
};

/// Sets importance, load and cv2 of the term: sums over the pools / pools_in_step.
void record_statistics(PoolStatistics const& statistics, PoolShape const& shape, LossTerm& term);

}  // namespace moescope::gates
