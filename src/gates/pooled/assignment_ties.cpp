#include "gates/pooled/assignment_ties.hpp"

#include <algorithm>
#include <vector>

namespace moescope::gates {

namespace {

class Ties {
 public:
  Ties(Assignment& assignment, std::span<std::int64_t const> prices)
      : assignment_(assignment), prices_(prices), experts_(int(prices.size())), free_movers_(experts_ * experts_) {
    for (int t = 0; t < assignment.num_tokens(); ++t) count(t, +1);
  }

  void resolve() {
    for (int t = 0; t < assignment_.num_tokens(); ++t) {
      count(t, -1);  // from here on only later tokens make way
      for (int e = 0; e < experts_; ++e)
        if (!assignment_.has(t, e)) try_to_give(t, e);
    }
  }

 private:
  static constexpr int start = -1, unreached = -2;

  bool moves_freely(int token, int from, int to) const {
    return assignment_.has(token, from) && !assignment_.has(token, to) &&
           assignment_.loss(token, from, to) == prices_[from] - prices_[to];
  }

  void count(int token, int sign) {
    for (int from = 0; from < experts_; ++from)
      if (assignment_.has(token, from))
        for (int to = 0; to < experts_; ++to) free_movers_[from * experts_ + to] += sign * moves_freely(token, from, to);
  }

  /// Gives `wanted` to the token in place of a higher expert, where later tokens can make way without loss.
  void try_to_give(int token, int wanted) {
    std::vector<char> to_give(experts_);
    for (int e = wanted + 1; e < experts_; ++e) to_give[e] = moves_freely(token, e, wanted);
    if (std::find(to_give.begin(), to_give.end(), 1) == to_give.end()) return;
    auto const [end, before] = shortest_chain(wanted, to_give);
    if (end == unreached) return;
    move_along(end, before, token);
    assignment_.take(token, end);
    assignment_.give(token, wanted);
  }

  struct Chain {
    int end;
    std::vector<int> before;
  };

  /// Breadth first, so that no token moves twice in a chain.
  Chain shortest_chain(int first, std::vector<char> const& is_end) const {
    std::vector<int> before(experts_, unreached), reached{first};
    before[first] = start;
    for (std::size_t i = 0; i < reached.size(); ++i)
      for (int to = 0; to < experts_; ++to) {
        if (before[to] != unreached || free_movers_[reached[i] * experts_ + to] == 0) continue;
        before[to] = reached[i];
        if (is_end[to]) return {to, before};
        reached.push_back(to);
      }
    return {unreached, {}};
  }

  int later_mover(int from, int to, int token) const {
    int found = int(assignment_.num_tokens());
    for (int const t : assignment_.tokens_of(from))
      if (t > token && t < found && moves_freely(t, from, to)) found = t;
    return found;
  }

  void move_along(int end, std::vector<int> const& before, int token) {
    struct Move {
      int token, from, to;
    };
    std::vector<Move> moves;
    for (int to = end; before[to] != start; to = before[to])
      moves.push_back({later_mover(before[to], to, token), before[to], to});
    for (auto const& move : moves) {
      count(move.token, -1);
      assignment_.take(move.token, move.from);
      assignment_.give(move.token, move.to);
      count(move.token, +1);
    }
  }

  Assignment& assignment_;
  std::span<std::int64_t const> prices_;
  int experts_;
  std::vector<std::int64_t> free_movers_;  ///< [E,E] later tokens that lose nothing by moving from the one to the other
};

}  // namespace

void prefer_low_experts(Assignment& assignment, std::span<std::int64_t const> prices) { Ties(assignment, prices).resolve(); }

}  // namespace moescope::gates
