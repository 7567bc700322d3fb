#include "gates/pooled/optimal_assignment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "base/random.hpp"
#include "gates/pooled/places.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

struct Problem {
  std::vector<double> scores;
  std::int64_t tokens, experts, per_token;
};

/// Normal scores, or small whole numbers, of which many are equal.
Problem random_problem(std::int64_t tokens, std::int64_t experts, std::int64_t per_token, bool many_ties, std::int64_t which) {
  RandomStream const stream(3, Purpose::weight, which, tokens * 64 + experts);
  Problem problem{{}, tokens, experts, per_token};
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t e = 0; e < experts; ++e)
      problem.scores.push_back(many_ties ? std::floor(3 * stream.uniform(t, e)) : stream.normal(t, e) + 2 * double(e == 0));
  return problem;
}

double total(Problem const& p, std::vector<int> const& chosen) {
  double sum = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) sum += p.scores[i / p.per_token * p.experts + chosen[i]];
  return sum;
}

std::vector<std::int64_t> counts(std::vector<int> const& chosen, std::int64_t experts) {
  std::vector<std::int64_t> counts(experts);
  for (int const e : chosen) ++counts[e];
  return counts;
}

/// Tries every assignment in lexicographic order and keeps the first of the best.
struct BruteForce {
  Problem const& p;
  std::vector<std::int64_t> free = gates::balanced_places(p.tokens * p.per_token, p.experts);
  std::vector<int> current{}, best{};
  std::optional<double> best_total{};

  void run() {
    auto const place = std::int64_t(current.size());
    if (place == p.tokens * p.per_token) {
      if (!best_total || total(p, current) > *best_total) best_total = total(p, current), best = current;
      return;
    }
    for (int e = place % p.per_token ? current.back() + 1 : 0; e < p.experts; ++e) {
      if (free[e] == 0) continue;
      --free[e];
      current.push_back(e);
      run();
      current.pop_back();
      ++free[e];
    }
  }
};

/// The best total with one expert a token, by another algorithm: the Hungarian method over one column for each place.
double hungarian_total(Problem const& p) {
  std::vector<int> expert_of_column{-1};
  auto const places = gates::balanced_places(p.tokens, p.experts);
  for (int e = 0; e < p.experts; ++e) expert_of_column.insert(expert_of_column.end(), places[e], e);
  auto const n = std::size_t(p.tokens);
  auto const cost = [&](std::size_t row, std::size_t column) {
    return -p.scores[(row - 1) * p.experts + expert_of_column[column]];
  };
  std::vector<double> u(n + 1), v(n + 1);
  std::vector<std::size_t> row_of(n + 1), way(n + 1);
  for (std::size_t row = 1; row <= n; ++row) {
    row_of[0] = row;
    std::size_t column = 0;
    std::vector<double> slack(n + 1, 1e300);
    std::vector<char> used(n + 1);
    do {
      used[column] = 1;
      std::size_t next = 0;
      double delta = 1e300;
      for (std::size_t j = 1; j <= n; ++j) {
        if (used[j]) continue;
        double const reduced = cost(row_of[column], j) - u[row_of[column]] - v[j];
        if (reduced < slack[j]) slack[j] = reduced, way[j] = column;
        if (slack[j] < delta) delta = slack[j], next = j;
      }
      for (std::size_t j = 0; j <= n; ++j)
        if (used[j])
          u[row_of[j]] += delta, v[j] -= delta;
        else
          slack[j] -= delta;
      column = next;
    } while (row_of[column] != 0);
    for (; column != 0; column = way[column]) row_of[column] = row_of[way[column]];
  }
  double sum = 0;
  for (std::size_t j = 1; j <= n; ++j) sum -= cost(row_of[j], j);
  return sum;
}

std::vector<int> solve(Problem const& p) { return gates::optimal_assignment(p.scores, p.experts, p.per_token); }

}  // namespace

TEST_CASE("the optimal assignment is the first of the best of all balanced ones") {
  struct Size {
    std::int64_t tokens, experts, per_token;
  };
  for (auto const& [tokens, experts, per_token] : std::vector<Size>{{1, 1, 1},
                                                                    {1, 3, 1},
                                                                    {4, 2, 1},
                                                                    {6, 3, 1},
                                                                    {7, 3, 1},
                                                                    {6, 4, 1},
                                                                    {5, 3, 2},
                                                                    {4, 4, 2},
                                                                    {4, 4, 3},
                                                                    {3, 3, 3},
                                                                    {5, 4, 2}})
    for (bool const many_ties : {false, true})
      for (std::int64_t which = 0; which < 12; ++which) {
        auto const problem = random_problem(tokens, experts, per_token, many_ties, which);
        BruteForce brute_force{problem};
        brute_force.run();
        CAPTURE(tokens, experts, per_token, many_ties, which);
        REQUIRE(solve(problem) == brute_force.best);
      }
}

TEST_CASE("the optimal assignment is worth what the Hungarian method finds") {
  for (auto const& [tokens, experts] : std::vector<std::pair<std::int64_t, std::int64_t>>{{40, 5}, {97, 8}, {128, 16}, {60, 60}})
    for (bool const many_ties : {false, true}) {
      auto const problem = random_problem(tokens, experts, 1, many_ties, 1);
      auto const chosen = solve(problem);
      CAPTURE(tokens, experts, many_ties);
      REQUIRE(counts(chosen, experts) == gates::balanced_places(tokens, experts));
      REQUIRE(total(problem, chosen) == Approx(hungarian_total(problem)).epsilon(1e-10));
    }
}

TEST_CASE("the optimal assignment is found where all tokens want one expert") {
  auto problem = random_problem(500, 6, 1, false, 3);
  for (std::int64_t t = 0; t < problem.tokens; ++t) problem.scores[t * problem.experts] += 6;
  auto const chosen = solve(problem);
  REQUIRE(counts(chosen, 6) == gates::balanced_places(500, 6));
  REQUIRE(total(problem, chosen) == Approx(hungarian_total(problem)).epsilon(1e-10));
}

TEST_CASE("no exchange of two tokens' experts makes an assignment of several experts a token better") {
  auto const p = random_problem(48, 6, 3, false, 2);
  auto const chosen = solve(p);
  REQUIRE(counts(chosen, 6) == gates::balanced_places(48 * 3, 6));
  std::vector<char> has(p.scores.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) has[i / 3 * 6 + chosen[i]] = 1;
  for (int a = 0; a < 48; ++a)
    for (int b = 0; b < 48; ++b)
      for (int e = 0; e < 6; ++e)
        for (int f = 0; f < 6; ++f)
          if (has[a * 6 + e] && !has[a * 6 + f] && has[b * 6 + f] && !has[b * 6 + e])
            REQUIRE(p.scores[a * 6 + e] + p.scores[b * 6 + f] >= p.scores[a * 6 + f] + p.scores[b * 6 + e]);
}

TEST_CASE("equal scores fill the experts in the order of the tokens, the first experts with one more") {
  REQUIRE(gates::optimal_assignment(std::vector<double>(7 * 3, 0.25), 3, 1) == std::vector<int>{0, 0, 0, 1, 1, 2, 2});
  REQUIRE(gates::optimal_assignment(std::vector<double>(2 * 4, -1e300), 4, 2) == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("an assignment with values that are no numbers ends, and they are the last to be chosen") {
  double const nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  REQUIRE(gates::optimal_assignment(std::vector<double>(4 * 2, nan), 2, 1) == std::vector<int>{0, 0, 1, 1});
  REQUIRE(gates::optimal_assignment(std::vector{nan, -5., 3., 3., -infinity, 0., 1., nan}, 2, 1) == std::vector<int>{1, 0, 1, 0});
  REQUIRE(gates::optimal_assignment(std::vector{0., infinity, 0., 1e300}, 2, 1) == std::vector<int>{1, 0});
}

TEST_CASE("of tokens alike but for rounding the first gets the lower expert") {
  for (double const rounding : {-1e-15, 0.0, 1e-15})
    REQUIRE(gates::optimal_assignment(std::vector{0.7, 0.2, 0.7 + rounding, 0.2}, 2, 1) == std::vector<int>{0, 1});
}

TEST_CASE("an empty pool has an empty assignment") { REQUIRE(gates::optimal_assignment({}, 4, 2).empty()); }
