#pragma once
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

namespace moescope::gates {

/// A choice of one pool: the smaller its key, the longer it stays.
struct KeyedChoice {
  int expert;
  double key;
  std::int64_t token;  ///< of the pool
  bool operator<(KeyedChoice const& other) const {
    return std::tie(expert, key, token) < std::tie(other.expert, other.key, other.token);
  }
};

/// Choices as numbers of each token: (expert, key) for each of a fixed number of choices, or a key for each expert.
struct ChoicePacking {
  std::int64_t width, num_experts;
  bool by_expert() const { return width == num_experts; }

  /// Appends a row of `width` numbers.
  void add(std::vector<double>& rows, std::vector<KeyedChoice> const& of_token) const;
  std::vector<KeyedChoice> of_token(std::span<double const> row, std::int64_t token) const;
};

/// Who has a place in the experts' capacity, for the tokens and experts of one pool. [tokens * E] each.
struct Places {
  std::vector<char> stays;   ///< a choice of the expert by the token
  std::vector<char> padded;  ///< a row of zeros in its stead: of the first tokens that have no place, until the capacity is full
};

/// rows [tokens * width] of one pool. `padded` stays empty without `pad`.
Places assign_places(ChoicePacking const& packing, std::span<double const> rows, std::int64_t capacity, bool pad);

}  // namespace moescope::gates
