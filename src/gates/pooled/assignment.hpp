#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace moescope::gates {

/// Tokens and the experts that each of them has, with what each pair is worth: whole numbers, so that sums of them are exact in
/// any order. Keeps, for every two experts, the token that loses least when it moves from the one to the other.
class Assignment {
 public:
  static constexpr int nobody = -1;

  /// worth [tokens,E]; nobody has an expert yet.
  Assignment(std::vector<std::int64_t> worth, std::int64_t num_experts);

  std::int64_t num_tokens() const { return num_tokens_; }
  std::int64_t num_experts() const { return num_experts_; }
  std::int64_t worth(std::int64_t token, std::int64_t expert) const { return worth_[token * num_experts_ + expert]; }
  bool has(std::int64_t token, std::int64_t expert) const { return has_[token * num_experts_ + expert]; }
  /// In no order.
  std::vector<int> const& tokens_of(std::int64_t expert) const { return tokens_of_[expert]; }
  /// Of the tokens that have `from` and not `to`, the one with the smallest worth(from) - worth(to), ties to the lower token.
  int cheapest_mover(std::int64_t from, std::int64_t to);
  std::int64_t loss(std::int64_t token, std::int64_t from, std::int64_t to) const {
    return worth(token, from) - worth(token, to);
  }

  void give(int token, std::int64_t expert);
  void take(int token, std::int64_t expert);

 private:
  struct Mover {
    std::int64_t loss;
    int token;
    auto operator<=>(Mover const&) const = default;
  };
  void add_mover(int token, std::int64_t from, std::int64_t to);
  bool can_move(int token, std::int64_t from, std::int64_t to) const { return has(token, from) && !has(token, to); }

  std::vector<std::int64_t> worth_;
  std::int64_t num_experts_, num_tokens_;
  std::vector<char> has_;
  std::vector<std::vector<int>> tokens_of_;
  std::vector<std::vector<Mover>> movers_;  ///< [E,E] heaps, least loss first, some of which can no longer move
};

/// Experts of every token, ascending.
std::vector<int> experts_by_token(Assignment const& assignment);

}  // namespace moescope::gates
