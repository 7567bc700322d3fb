// Which choices a capacity leaves, against plain counting, over ragged choices and any split of the tokens.
#include "gates/capacity.hpp"

#include <algorithm>
#include <cmath>

#include "base/upload.hpp"
#include "config/capacity.hpp"
#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

struct DropCase {
  ModelConfig model;
  PoolShape pool{.first_id = 500, .tokens = 24, .tokens_in_pool = 8, .pools_in_step = 3};
  std::vector<std::vector<int>> choices;     ///< of each token
  std::vector<std::vector<double>> weights;  ///< likewise
  std::uint64_t seed = 3;
  std::int64_t step = 2, layer = 1;
};

/// Each token has 0 to `most` of the experts, more often small ones; weights have ties.
DropCase random_case(std::string const& policy, std::int64_t experts, std::int64_t top_k, std::int64_t most) {
  DropCase c;
  c.model.num_experts = experts;
  c.model.top_k = top_k;
  c.model.capacity = {.policy = policy, .factor = 0.7};
  RandomStream const stream(8, Purpose::weight, 0, 0);
  for (std::int64_t t = 0; t < c.pool.tokens; ++t) {
    std::vector<int> chosen;
    auto const count = std::int64_t(stream.uniform(t, 0) * double(most + 1));
    for (std::int64_t draw = 1; std::int64_t(chosen.size()) < count; ++draw) {
      auto const e = int(std::pow(stream.uniform(t, draw), 2) * double(experts));
      if (std::find(chosen.begin(), chosen.end(), e) == chosen.end()) chosen.push_back(e);
    }
    c.choices.push_back(chosen);
    c.weights.emplace_back();
    for (int const e : chosen) c.weights.back().push_back(std::round(4 * stream.uniform(t, 100 + e)) / 4);
  }
  return c;
}

/// [choices] of tokens [begin, end) of the case.
template <class Number>
std::vector<Number> flat(std::vector<std::vector<Number>> const& all, std::int64_t begin, std::int64_t end) {
  std::vector<Number> part;
  for (auto t = begin; t < end; ++t) part.insert(part.end(), all[std::size_t(t)].begin(), all[std::size_t(t)].end());
  return part;
}

/// What the program leaves of a rank's choices.
struct Left {
  std::vector<int> kept;
  std::vector<std::int64_t> pads;
};

Left left_of_rank(DropCase const& c, std::vector<Range> const& tokens, PoolShape const& pool, PoolExchange& exchange) {
  ExecSpace const exec;
  std::vector<int> offsets{0}, expert;
  std::vector<double> weight;
  std::vector<Range> ids;
  for (auto const& run : tokens) {
    for (auto t = run.begin; t < run.end; ++t) offsets.push_back(offsets.back() + int(c.choices[std::size_t(t)].size()));
    auto const experts = flat(c.choices, run.begin, run.end);
    auto const weights = flat(c.weights, run.begin, run.end);
    expert.insert(expert.end(), experts.begin(), experts.end());
    weight.insert(weight.end(), weights.begin(), weights.end());
    ids.push_back({c.pool.first_id + run.begin, c.pool.first_id + run.end});
  }
  GateContext context;
  context.seed = c.seed;
  context.step = c.step;
  context.layer = c.layer;
  context.tokens = TokenIds(ids);
  context.pools = {{c.model.gate.pool, pool, &exchange}};
  Routing<double> routing{std::ssize(offsets) - 1,
                          std::ssize(expert),
                          c.model.num_experts,
                          upload(exec, "test::o", offsets),
                          upload(exec, "test::e", expert),
                          upload(exec, "test::w", weight),
                          Vector<int>("test::kept", expert.size())};
  gates::drop_over_capacity<double>(exec, c.model, routing, context);
  return {to_vector(routing.kept), routing.pads};
}

std::vector<int> kept_of_rank(DropCase const& c, std::vector<Range> const& tokens, PoolShape const& pool,
                              PoolExchange& exchange) {
  return left_of_rank(c, tokens, pool, exchange).kept;
}

std::vector<int> kept_by_program(DropCase const& c) {
  SerialPool exchange;
  return kept_of_rank(c, {{0, c.pool.tokens}}, c.pool, exchange);
}

/// Whether the choice j of token t comes before choice i of token s, where both are of one expert of one pool.
bool comes_before(DropCase const& c, std::size_t t, std::size_t j, std::size_t s, std::size_t i) {
  RandomStream const stream(c.seed, Purpose::capacity_drop, c.step, c.layer);
  auto const drawn = [&](std::size_t token, std::size_t place) {
    return stream.uniform(c.pool.first_id + std::int64_t(token), std::int64_t(place));
  };
  auto const& policy = c.model.capacity.policy;
  if (policy == "probability" && c.weights[t][j] != c.weights[s][i]) return c.weights[t][j] > c.weights[s][i];
  if (policy == "random") return drawn(t, j) < drawn(s, i);
  if (policy == "position" && c.model.capacity.order == "choice" && j != i) return j < i;
  return t < s;
}

/// A choice stays where fewer than the capacity come before it.
std::vector<int> kept_by_counting(DropCase const& c) {
  auto const in_pool = std::size_t(c.pool.tokens_in_pool);
  auto const capacity = expert_capacity(c.model, c.pool.tokens_in_pool);
  std::vector<int> kept;
  for (std::size_t s = 0; s < c.choices.size(); ++s)
    for (std::size_t i = 0; i < c.choices[s].size(); ++i) {
      std::int64_t before = 0;
      for (auto t = s / in_pool * in_pool; t < (s / in_pool + 1) * in_pool; ++t)
        for (std::size_t j = 0; j < c.choices[t].size(); ++j)
          before += t != s && c.choices[t][j] == c.choices[s][i] && comes_before(c, t, j, s, i);
      kept.push_back(before < capacity);
    }
  return kept;
}

/// Of every policy: a token has fewer choices than the row of its gate says, and as many as there are experts.
std::vector<DropCase> all_cases() {
  std::vector<DropCase> cases;
  for (std::string const policy : {"position", "probability", "random"})
    for (std::string const order : {"token", "choice"}) {
      if (order == "choice" && policy != "position") continue;
      cases.push_back(random_case(policy, 9, 3, 3));
      cases.back().model.capacity.order = order;
      cases.push_back(random_case(policy, 5, 3, 5));
      cases.back().model.capacity.order = order;
    }
  return cases;
}

}  // namespace

TEST_CASE("every policy leaves the choices that plain counting leaves, several and no choices a token") {
  for (auto const& c : all_cases()) {
    auto const expected = kept_by_counting(c);
    CAPTURE(c.model.capacity.policy, c.model.capacity.order, c.model.num_experts);
    REQUIRE(std::count(expected.begin(), expected.end(), 0) > 4);
    REQUIRE(std::count(expected.begin(), expected.end(), 1) > 4);
    REQUIRE(kept_by_program(c) == expected);
  }
}

TEST_CASE("of weights alike but for rounding the first token's stays") {
  for (double const rounding : {-1e-15, 0.0, 1e-15}) {
    DropCase c;
    c.pool = {.first_id = 0, .tokens = 2, .tokens_in_pool = 2, .pools_in_step = 1};
    c.model.num_experts = 1;
    c.model.top_k = 1;
    c.model.capacity = {.policy = "probability", .factor = 0.5};
    c.choices = {{0}, {0}};
    c.weights = {{0.3}, {0.3 + rounding}};
    REQUIRE(kept_by_program(c) == std::vector<int>{1, 0});
  }
}

TEST_CASE("the two orders of position, and every two policies, leave different choices") {
  std::vector<std::vector<int>> all;
  for (auto const& c : all_cases())
    if (c.model.num_experts == 5) all.push_back(kept_by_counting(c));
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = i + 1; j < all.size(); ++j) REQUIRE(all[i] != all[j]);
}

TEST_CASE("what a capacity leaves is the same under any split of the tokens over ranks, and over micro-batches") {
  for (auto const& c : all_cases()) {
    CAPTURE(c.model.capacity.policy, c.model.capacity.order, c.model.num_experts);
    auto const one = kept_by_program(c);
    for (std::vector<std::vector<Range>> const& split :
         {consecutive({12, 12}), consecutive({1, 0, 23}), {{{0, 3}, {17, 24}}, {{3, 17}}}}) {
      std::vector<int> kept(one.size());
      SimulatedRanks(split).run([&](std::size_t rank, PoolExchange& exchange) {
        auto const part = kept_of_rank(c, split[rank], c.pool, exchange);
        auto next = part.begin();
        for (auto const& run : split[rank]) {
          auto const first = flat(c.choices, 0, run.begin).size(), count = flat(c.choices, run.begin, run.end).size();
          std::copy_n(next, count, kept.begin() + std::ptrdiff_t(first));
          next += std::ptrdiff_t(count);
        }
      });
      REQUIRE(kept == one);
    }
    SerialPool exchange;
    std::vector<int> by_micro_batch;
    for (std::int64_t begin = 0; begin < c.pool.tokens; begin += 8) {
      auto const part = kept_of_rank(c, {{begin, begin + 8}}, {c.pool.first_id + begin, 8, 8, 3}, exchange);
      by_micro_batch.insert(by_micro_batch.end(), part.begin(), part.end());
    }
    REQUIRE(by_micro_batch == one);
  }
}

TEST_CASE("pads fill the capacity of every expert in every pool, and are those of the first tokens without a place in it") {
  for (auto c : all_cases()) {
    CAPTURE(c.model.capacity.policy, c.model.num_experts);
    SerialPool exchange;
    REQUIRE(left_of_rank(c, {{0, c.pool.tokens}}, c.pool, exchange).pads.empty());
    c.model.capacity.pad = true;
    auto const experts = std::size_t(c.model.num_experts);
    std::vector<std::vector<std::int64_t>> pads_before{std::vector<std::int64_t>(experts)};  // of all tokens before this one
    auto const kept = kept_by_counting(c);
    std::size_t choice = 0;
    for (std::size_t t = 0; t < c.choices.size(); ++t) pads_before.push_back(pads_before[0]);
    for (std::size_t begin = 0; begin < c.choices.size(); begin += 8) {
      std::vector<std::vector<bool>> has_place(8, std::vector<bool>(experts));
      std::vector<std::int64_t> left(experts, expert_capacity(c.model, 8));
      for (std::size_t t = 0; t < 8; ++t)
        for (int const e : c.choices[begin + t])
          if (kept[choice++]) {
            has_place[t][std::size_t(e)] = true;
            --left[std::size_t(e)];
          }
      for (std::size_t t = 0; t < 8; ++t)
        for (std::size_t e = 0; e < experts; ++e) {
          bool const padded = !has_place[t][e] && left[e] > 0;
          left[e] -= padded;
          pads_before[begin + t + 1][e] = pads_before[begin + t][e] + padded;
        }
      REQUIRE(left == std::vector<std::int64_t>(experts));
    }
    for (std::int64_t const first : {24, 12, 1}) {
      SimulatedRanks(consecutive({first, 24 - first})).run([&](std::size_t rank, PoolExchange& shared) {
        auto const begin = rank == 0 ? 0 : first, end = rank == 0 ? first : 24;
        auto const left = left_of_rank(c, {{begin, end}}, c.pool, shared);
        for (std::size_t e = 0; e < experts; ++e)
          REQUIRE(left.pads[e] == pads_before[std::size_t(end)][e] - pads_before[std::size_t(begin)][e]);
        REQUIRE(left.kept.size() == flat(c.choices, begin, end).size());
      });
    }
  }
}

TEST_CASE("what stays of a token is scaled to the sum that all its choices had, and nothing where none stays") {
  auto c = make_case("noisy_top_k", 6, 3, 24, 8);
  c.model.capacity = {.policy = "position", .factor = 0.5};
  auto const plain = run_gate(c);
  c.model.capacity.renormalise = true;
  auto const run = run_gate(c);
  REQUIRE(run.kept == plain.kept);
  int partly = 0, none = 0;
  for (std::size_t first = 0; first < run.kept.size(); first += 3) {
    double all = 0, stays = 0;
    int count = 0;
    for (auto i = first; i < first + 3; ++i) {
      all += plain.weight[i];
      stays += run.kept[i] ? run.weight[i] : 0;
      count += run.kept[i];
      if (!run.kept[i]) REQUIRE(run.weight[i] == plain.weight[i]);
    }
    REQUIRE(stays == Approx(count ? all : 0).margin(1e-15));
    partly += count == 1 || count == 2;
    none += count == 0;
  }
  REQUIRE(partly > 0);
  REQUIRE(none > 0);
}

TEST_CASE("a renormalised weight sends its gradient to all weights of the token") {
  auto c = make_case("noisy_top_k", 6, 3, 24, 8);
  c.model.capacity = {.policy = "position", .factor = 0.5, .renormalise = true};
  auto const with = run_gate(c);
  c.model.capacity.renormalise = false;
  REQUIRE(with.d_x != run_gate(c).d_x);
}
