#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/token_ids.hpp"
#include "gates/pool.hpp"
#include "gates/routing.hpp"

namespace moescope::gates {

/// Experts of some tokens, ragged: those of token t are expert[offsets[t]..offsets[t+1]).
struct Choices {
  std::vector<int> offsets{0}, expert;

  std::span<int const> of(std::int64_t token) const {
    return std::span(expert).subspan(offsets[token], offsets[token + 1] - offsets[token]);
  }
  void add_token(std::span<int const> experts);
};

/// Each token's experts by falling score [tokens,E], ties to the lower expert, what is no number last.
Choices best_first(Choices const& choices, std::span<double const> scores, std::int64_t num_experts);

/// The tokens of the pools that some ranks share, and which of them are this rank's.
class PooledTokens {
 public:
  PooledTokens(PoolShape const& shape, TokenIds const& owned) : shape_(shape), owned_(owned.on_host()) {}

  std::int64_t count() const { return shape_.count(); }
  /// Whether this rank owns a token of pool p.
  bool has_owned(std::int64_t pool) const;
  /// Rows of pool p, of what was gathered of all [tokens,width].
  std::span<double const> rows(std::span<double const> gathered, std::int64_t width, std::int64_t pool) const;
  /// Of the owned tokens, from those of each pool that has one.
  Choices owned(std::vector<Choices> const& of_pools) const;
  /// [owned,width], likewise.
  std::vector<double> owned(std::vector<std::vector<double>> const& of_pools, std::int64_t width) const;

 private:
  std::int64_t pool_of(std::int64_t id) const { return (id - shape_.first_id) / shape_.tokens_in_pool; }
  std::int64_t place_of(std::int64_t id) const { return (id - shape_.first_id) % shape_.tokens_in_pool; }

  PoolShape shape_;
  std::vector<std::int64_t> owned_;
};

/// The same of fixed lists: experts [tokens,per_token].
Choices choices_of(std::vector<int> const& experts, std::int64_t per_token);

/// The mean over the pools of a step: this rank's share of it.
class PoolMean {
 public:
  PoolMean(PoolShape const& shape, std::int64_t size) : pools_(double(shape.pools_in_step)), values_(std::size_t(size)) {}
  void add(std::span<double const> of_pool) {
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] += of_pool[i] / pools_;
  }
  std::vector<double> const& values() const { return values_; }

 private:
  double pools_;
  std::vector<double> values_;
};

/// Scores of all tokens of the pools by ascending token, from those of the owned ones. One PoolExchange::gather.
template <class A>
std::vector<double> gather_rows(ExecSpace const& exec, ConstMatrix<A> scores, Pool const& pool);

/// scores [tokens,E] - offset [1,E].
template <class T>
Matrix<Accumulate<T>> less_columns(ExecSpace const& exec, ConstMatrix<Accumulate<T>> scores, ConstMatrix<T> offset);

/// All kept; weights unset.
template <class T>
Routing<T> to_routing(ExecSpace const& exec, Choices const& choices, std::int64_t num_experts);

}  // namespace moescope::gates
