#pragma once
#include "gates/pool_statistics.hpp"

namespace moescope::gates {

/// What a token adds to the mean over all tokens of the step.
inline double token_share(Pool const& pool) { return 1 / (double(pool.shape.tokens_in_pool) * double(pool.shape.pools_in_step)); }

/// The term whose value is the mean over tokens of value_of_token [tokens,1]. One PoolExchange::sum.
template <class A>
LossTerm token_mean(ExecSpace const& exec, ConstMatrix<A> value_of_token, GateContext const& context, Pool const& pool) {
  LossTerm term;
  for (double const sum : sum_over_pools<A>(exec, value_of_token, context.tokens, pool)) term.value += sum * token_share(pool);
  return term;
}

}  // namespace moescope::gates
