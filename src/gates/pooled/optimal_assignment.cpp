#include "gates/pooled/optimal_assignment.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/error.hpp"
#include "gates/pooled/assignment.hpp"
#include "gates/pooled/assignment_ties.hpp"
#include "gates/pooled/places.hpp"

namespace moescope::gates {

namespace {

/// Scores times a power of two, by which tokens alike but for rounding tie. A chain over all experts does not overflow.
std::vector<std::int64_t> whole_numbers(std::span<double const> scores, std::int64_t num_experts) {
  double largest = 0;
  for (double const score : scores)
    if (std::isfinite(score)) largest = std::max(largest, std::abs(score));
  int const bits = std::min(40, 58 - int(std::bit_width(std::uint64_t(num_experts))));
  double const limit = std::ldexp(1.0, bits);
  int const shift = largest > 0 ? bits - 1 - std::ilogb(largest) : 0;
  std::vector<std::int64_t> numbers;
  for (double const score : scores)
    numbers.push_back(std::isnan(score) ? -std::int64_t(limit)
                                        : std::llrint(std::clamp(std::ldexp(score, shift), -limit, limit)));
  return numbers;
}

/// Prices of experts under which no token gains by a move: worth - price of what it has is at least that of what it has not.
class Search {
 public:
  Search(Assignment& assignment, std::vector<std::int64_t> places)
      : assignment_(assignment),
        free_(std::move(places)),
        price_(free_.size()),
        distance_(free_.size()),
        before_(free_.size()),
        settled_(free_.size()) {}

  /// Gives `token` one more expert.
  void place(int token) {
    start(token);
    int last = nearest();
    for (; free_[last] == 0; last = nearest()) spread(last);
    for (std::size_t e = 0; e < free_.size(); ++e)
      if (settled_[e]) price_[e] += distance_[last] - distance_[e];
    move_along(token, last);
    --free_[last];
  }
  std::vector<std::int64_t> const& prices() const { return price_; }

 private:
  static constexpr std::int64_t unreached = INT64_MAX;
  static constexpr int source = -1;

  std::int64_t net(int token, std::int64_t expert) const { return assignment_.worth(token, expert) - price_[expert]; }

  void start(int token) {
    std::int64_t best = INT64_MIN;
    for (std::size_t e = 0; e < free_.size(); ++e)
      if (!assignment_.has(token, e)) best = std::max(best, net(token, e));
    for (std::size_t e = 0; e < free_.size(); ++e) {
      distance_[e] = assignment_.has(token, e) ? unreached : best - net(token, e);
      before_[e] = source;
      settled_[e] = 0;
    }
  }

  int nearest() const {
    int found = source;
    for (std::size_t e = 0; e < free_.size(); ++e)
      if (!settled_[e] && distance_[e] != unreached && (found == source || distance_[e] < distance_[found])) found = int(e);
    MOESCOPE_CHECK(found != source);
    return found;
  }

  void spread(int from) {
    settled_[from] = 1;
    for (std::size_t to = 0; to < free_.size(); ++to) {
      int const mover = assignment_.cheapest_mover(from, to);
      if (settled_[to] || mover == Assignment::nobody) continue;
      auto const distance = distance_[from] + net(mover, from) - net(mover, to);
      if (distance >= distance_[to]) continue;  // also when equal: no token moves twice in a chain
      distance_[to] = distance;
      before_[to] = from;
    }
  }

  void move_along(int token, int last) {
    struct Move {
      int token, from, to;
    };
    std::vector<Move> moves;
    for (; before_[last] != source; last = before_[last])
      moves.push_back({assignment_.cheapest_mover(before_[last], last), before_[last], last});
    for (auto const& move : moves) {
      assignment_.take(move.token, move.from);
      assignment_.give(move.token, move.to);
    }
    assignment_.give(token, last);
  }

  Assignment& assignment_;
  std::vector<std::int64_t> free_, price_, distance_;
  std::vector<int> before_;
  std::vector<char> settled_;
};

}  // namespace

std::vector<int> optimal_assignment(std::span<double const> scores, std::int64_t num_experts, std::int64_t per_token) {
  MOESCOPE_CHECK(0 < per_token && per_token <= num_experts);
  Assignment assignment(whole_numbers(scores, num_experts), num_experts);
  Search search(assignment, balanced_places(assignment.num_tokens() * per_token, num_experts));
  for (int token = 0; token < assignment.num_tokens(); ++token)
    for (std::int64_t j = 0; j < per_token; ++j) search.place(token);
  prefer_low_experts(assignment, search.prices());
  return experts_by_token(assignment);
}

}  // namespace moescope::gates
