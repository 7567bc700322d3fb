// What every gate of the registry owes its readers; a new kind is covered without an edit here.
#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "config/gate_kinds.hpp"
#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

struct Sizes {
  std::int64_t experts, top_k, tokens, tokens_in_pool;
};
std::vector<Sizes> const all_sizes = {{6, 2, 12, 4}, {6, 2, 12, 12}, {4, 4, 6, 3}, {1, 1, 4, 2}, {5, 1, 8, 1}, {3, 2, 0, 4}};

GateCase case_of(std::string const& kind, Sizes const& s) {
  return make_case(kind, s.experts, s.top_k, s.tokens, s.tokens_in_pool);
}

/// Experts, kept flags and weights of one token.
struct TokenRouting {
  std::vector<int> expert, kept;
  std::vector<double> weight;
  bool operator==(TokenRouting const&) const = default;
};

std::vector<TokenRouting> by_token(GateRun const& run) {
  std::vector<TokenRouting> tokens;
  std::ptrdiff_t begin = 0;
  for (int const choices : run.choices_of_token) {
    auto const part = [&](auto const& all) { return std::vector(all.begin() + begin, all.begin() + begin + choices); };
    tokens.push_back({part(run.expert), part(run.kept), part(run.weight)});
    begin += choices;
  }
  return tokens;
}

void require_close(std::vector<double> const& a, std::vector<double> const& b, double tolerance) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CAPTURE(i, a[i], b[i]);
    REQUIRE(std::abs(a[i] - b[i]) <= tolerance * std::max(1.0, std::abs(b[i])));
  }
}

/// One rank's pool that keeps how many numbers each call brought.
struct CountingPool final : PoolExchange {
  std::vector<std::int64_t> sums, gathers;
  void sum(std::span<double> values) override { sums.push_back(std::ssize(values)); }
  std::vector<double> gather(std::span<double const> rows, std::int64_t) override {
    gathers.push_back(std::ssize(rows));
    return {rows.begin(), rows.end()};
  }
};

}  // namespace

TEST_CASE("the configuration knows the gates that the registry makes") {
  auto const kinds = gate_kinds();
  auto const names = gate_kind_names();
  CHECK(std::is_permutation(kinds.begin(), kinds.end(), names.begin(), names.end()));
}

TEST_CASE(
    "every gate learns each tensor of its row, in evaluation those that are not for training only, and visits its experts") {
  for (auto const& kind : gate_kinds())
    for (std::string const network : {"linear", "mlp"})
      for (bool const add_noise : {true, false})
        for (bool const drop_tokens : {true, false}) {
          CAPTURE(kind, network, add_noise, drop_tokens);
          auto c = make_case(kind);
          c.model.gate.network = network;
          c.model.gate.add_noise = add_noise;
          c.model.capacity.policy = drop_tokens ? "random" : "none";
          c.fill();
          auto const tensors = gate_tensors(c.model);
          auto const training = run_gate(c);
          c.context.training = false;
          auto const evaluation = run_gate(c);
          auto const learned = [](std::vector<double> const& gradient) {
            return std::any_of(gradient.begin(), gradient.end(), [](double d) { return d != 0; });
          };
          REQUIRE(training.gradients.size() == tensors.size());
          for (std::size_t i = 0; i < tensors.size(); ++i) {
            CAPTURE(tensors[i].name);
            CHECK(std::int64_t(training.gradients[i].size()) == tensors[i].rows * tensors[i].columns);
            CHECK(learned(training.gradients[i]) == tensors[i].trained);
            CHECK(learned(evaluation.gradients[i]) == (tensors[i].trained && !tensors[i].only_in_training));
          }
          if (!is_ragged(c.model)) CHECK(std::int64_t(training.expert.size()) == c.tokens() * choices_per_token(c.model));
        }
}

TEST_CASE("every gate reaches its pool in the calls that its row says, and in no other") {
  for (auto const& kind : all_gate_kinds())
    for (bool const drop_tokens : {true, false}) {
      CAPTURE(kind.name, drop_tokens);
      auto c = make_case(std::string(kind.name));
      c.model.capacity.policy = drop_tokens ? "random" : "none";
      CountingPool pool;
      GateRun run;
      test::detail::TokenResults results;
      test::detail::run_rank(c, {{0, c.tokens()}}, pool, run, results);
      std::vector<std::int64_t> sums, gathers;
      for (auto const& [operation, name, calls] : pool_calls(c.model, c.context.training)) {
        auto& list = operation == RouterPoolCalls::Operation::sum ? sums : gathers;
        list.insert(
            list.end(), std::size_t(calls.calls),
            c.pool_shape.count() * (calls.per_pool + c.model.num_experts * calls.per_expert) + c.tokens() * calls.per_token);
      }
      CHECK(pool.sums == sums);
      CHECK(pool.gathers == gathers);
    }
}

TEST_CASE("every gate routes each token to distinct experts in range") {
  for (auto const& kind : gate_kinds())
    for (auto const& sizes : all_sizes)
      for (bool const training : {true, false}) {
        auto c = case_of(kind, sizes);
        c.context.training = training;
        auto const run = run_gate(c);
        CAPTURE(kind, sizes.experts, sizes.top_k, sizes.tokens, training);
        REQUIRE(std::int64_t(run.choices_of_token.size()) == sizes.tokens);
        REQUIRE(run.expert.size() == std::size_t(std::accumulate(run.choices_of_token.begin(), run.choices_of_token.end(), 0)));
        REQUIRE(run.weight.size() == run.expert.size());
        for (auto const& token : by_token(run)) {
          REQUIRE(std::set<int>(token.expert.begin(), token.expert.end()).size() == token.expert.size());
          for (int const e : token.expert) REQUIRE((0 <= e && e < sizes.experts));
          for (int const kept : token.kept) REQUIRE((kept == 0 || kept == 1));
          for (double const w : token.weight) REQUIRE(std::isfinite(w));
        }
      }
}

TEST_CASE("weights add up to one exactly for the gates that say so") {
  for (auto const& kind : gate_kinds()) {
    auto const run = run_gate(make_case(kind));
    bool all_one = true;
    for (auto const& token : by_token(run))
      all_one = all_one && std::abs(std::accumulate(token.weight.begin(), token.weight.end(), 0.0) - 1) < 1e-12;
    CAPTURE(kind);
    REQUIRE(all_one == gate_kind(kind).weights_sum_to_one);
  }
}

TEST_CASE("gate.use_softmax changes what a gate gives exactly where its row has the key") {
  for (auto const& kind : gate_kinds()) {
    auto c = make_case(kind);
    auto const with = run_gate(c);
    c.model.gate.use_softmax = false;
    auto const without = run_gate(c);
    CAPTURE(kind);
    REQUIRE((with.weight != without.weight || with.importance != without.importance) ==
            has_key(gate_kind(kind), "gate.use_softmax"));
  }
}

TEST_CASE("every gate drops everything at capacity zero, and nothing without a policy") {
  for (auto const& kind : gate_kinds()) {
    auto c = make_case(kind);
    c.model.capacity.factor = 0;
    for (std::string const policy : {"none", "position", "probability", "random"}) {
      c.model.capacity.policy = policy;
      auto const run = run_gate(c);
      CAPTURE(kind, policy);
      REQUIRE(!run.kept.empty());
      for (int const kept : run.kept) REQUIRE(kept == (policy == "none"));
    }
  }
}

TEST_CASE("decisions of a causal gate do not depend on later tokens") {
  for (auto const& kind : gate_kinds()) {
    if (!gate_kind(kind).causal) continue;
    auto c = make_case(kind);
    auto const before = by_token(run_gate(c));
    for (std::int64_t i = 7 * c.model.hidden_size; i < std::ssize(c.x); ++i) c.x[i] = -3 * c.x[i] + 1;
    auto const after = by_token(run_gate(c));
    CAPTURE(kind);
    for (std::size_t t = 0; t < 7; ++t) REQUIRE(after[t] == before[t]);
  }
}

TEST_CASE("a gate repeats itself bit for bit and draws anew in another step") {
  for (auto const& kind : gate_kinds()) {
    auto c = make_case(kind, 6, 2, 40, 8);
    auto const first = run_gate(c), again = run_gate(c);
    CAPTURE(kind);
    REQUIRE(by_token(first) == by_token(again));
    REQUIRE(first.d_x == again.d_x);
    REQUIRE(first.gradients == again.gradients);
    REQUIRE(first.balance_loss == again.balance_loss);
    c.context.step += 1;
    REQUIRE((by_token(run_gate(c)) != by_token(first)) == (gate_kind(kind).draws != GateKind::Draws::nothing));
  }
}

TEST_CASE("a gate is the same under any split of the tokens over ranks, interleaved ones included") {
  std::vector<std::vector<std::vector<Range>>> splits = {
      {{{0, 3}, {9, 12}}, {{3, 9}}},                                        // zig-zag
      {{{1, 2}, {5, 6}, {7, 9}}, {{0, 1}, {2, 5}}, {}, {{6, 7}, {9, 12}}},  // and any other
  };
  for (std::vector<std::int64_t> const& counts :
       std::vector<std::vector<std::int64_t>>{{6, 6}, {1, 11}, {0, 12}, {5, 0, 7}, {4, 4, 4}, {3, 3, 3, 3}, {12, 0}})
    splits.push_back(consecutive(counts));
  for (auto const& kind : gate_kinds())
    for (bool const training : {true, false})
      for (std::int64_t const tokens_in_pool : {2, 4, 12}) {
        auto c = make_case(kind, 6, 2, 12, tokens_in_pool);
        c.context.training = training;
        c.model.capacity.factor = 1.0;
        auto const one = run_gate(c);
        for (auto const& split : splits) {
          auto const run = run_gate(c, split);
          CAPTURE(kind, training, tokens_in_pool, split.size());
          REQUIRE(run.choices_of_token == one.choices_of_token);
          REQUIRE(run.expert == one.expert);
          REQUIRE(run.kept == one.kept);
          require_close(run.weight, one.weight, 1e-13);
          require_close(run.d_x, one.d_x, 1e-13);
          require_close(run.importance, one.importance, 1e-13);
          require_close(run.load, one.load, 1e-13);
          REQUIRE(run.gradients.size() == one.gradients.size());
          for (std::size_t i = 0; i < run.gradients.size(); ++i) require_close(run.gradients[i], one.gradients[i], 1e-13);
          require_close(run.balance_loss, std::vector(split.size(), one.balance_loss[0]), 1e-13);
          require_close(run.cv2, std::vector(split.size(), one.cv2[0]), 1e-13);
          REQUIRE(run.balance_loss == std::vector(split.size(), run.balance_loss[0]));
        }
      }
}

TEST_CASE("a gate agrees with itself in single precision") {
  for (auto const& kind : gate_kinds()) {
    auto const c = make_case(kind);
    auto const expected = run_gate(c);
    Router<float> const router(c.model);
    auto const to_float = [](std::vector<double> const& values, std::int64_t num_rows, std::int64_t num_columns) {
      auto const source = to_matrix(values, num_rows, num_columns);
      Matrix<float> const result("test::float", num_rows, num_columns);
      Kokkos::deep_copy(result, source);
      return result;
    };
    std::vector<Matrix<float>> parameters;
    auto const declared = gate_tensors(c.model);
    for (std::size_t i = 0; i < declared.size(); ++i)
      parameters.push_back(to_float(c.parameters[i], declared[i].rows, declared[i].columns));
    SerialPool pool;
    auto const context = c.context_of(c.ids(), pool);
    auto const result = router.forward(ExecSpace(), to_float(c.x, c.tokens(), c.model.hidden_size), parameters, context);
    CAPTURE(kind);
    REQUIRE(to_vector(result.routing.expert) == expected.expert);
    auto const weight = to_vector(result.weight);
    require_close(std::vector<double>(weight.begin(), weight.end()), expected.weight, 1e-5);
    require_close({result.balance_loss()}, {expected.balance_loss[0]}, 1e-5);
  }
}

TEST_CASE("an unknown gate is refused with the list of known ones") {
  ModelConfig model;
  model.gate.kind = "noisy_topk";
  REQUIRE_THROWS_AS(make_gate<double>(model), UserError);
  REQUIRE_THROWS_WITH(make_gate<double>(model),
                      Catch::Contains("noisy_topk'") && Catch::Contains("noisy_top_k, switch, uniform"));
  REQUIRE_THROWS_AS(gate_kind("noisy_topk"), UserError);
}
