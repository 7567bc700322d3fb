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

/// The pools that some ranks share, and this rank's tokens in them.
class SharedPools {
 public:
  SharedPools(PoolShape const& shape, TokenIds const& owned) : shape_(shape), owned_(owned.on_host()) {}

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

/// All kept; weights unset.
template <class T>
Routing<T> to_routing(ExecSpace const& exec, Choices const& choices, std::int64_t num_experts);

}  // namespace moescope::gates
