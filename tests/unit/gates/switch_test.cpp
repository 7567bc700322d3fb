#include <map>

#include "config/capacity.hpp"
#include "unit/gates/golden_values.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

// 0.01 * 4 * sum of the last three mean probabilities / 3. The printed .0098803063 has the third in single precision.
double const exact_loss = 0.009880306063334105;

}  // namespace

TEST_CASE("the switch gate routes the worked example as printed and drops it all") {
  auto const c = golden_case("switch");
  auto const run = run_gate(c);
  REQUIRE(run.expert == std::vector<int>{1, 2, 3});
  require_printed(run.weight, {1.3, 1.5, 1.4}, 1e-15);
  require_printed(run.load, {0, 1 / 3., 1 / 3., 1 / 3.}, 1e-15);
  require_printed(run.importance, {.258977, .230065, .266028, .24493}, .5e-6);
  REQUIRE(run.balance_loss[0] == Approx(exact_loss).epsilon(1e-14));
  REQUIRE(expert_capacity(c.model, 3) == 0);
  REQUIRE(run.kept == std::vector<int>{0, 0, 0});
}

TEST_CASE("capacity is rounded down, or up, and no more than the pool has") {
  auto const capacity = [](double factor, std::int64_t tokens, std::string const& rounding, std::int64_t top_k) {
    auto c = make_case("noisy_top_k", 4, top_k);
    c.model.capacity.factor = factor;
    c.model.capacity.rounding = rounding;
    return expert_capacity(c.model, tokens);
  };
  REQUIRE(capacity(1.25, 24, "down", 1) == 7);
  REQUIRE(capacity(1.25, 24, "up", 1) == 8);
  REQUIRE(capacity(1.0, 24, "down", 1) == 6);
  REQUIRE(capacity(1.25, 16, "up", 1) == 5);
  REQUIRE(capacity(1.25, 16, "down", 2) == 10);
  REQUIRE(capacity(1e18, 16, "down", 1) == 16);
  REQUIRE(capacity(1e308, 16, "up", 1) == 16);
}

TEST_CASE("the switch score can be the softmax probability") {
  auto c = golden_case("switch");
  c.model.gate.switch_score = "probability";
  auto const run = run_gate(c);
  REQUIRE(run.expert == std::vector<int>{1, 2, 3});
  for (int t = 0; t < 3; ++t) {
    double sum = 0;
    for (int e = 0; e < 4; ++e) sum += std::exp(golden_logits[4 * t + e]);
    REQUIRE(run.weight[t] == Approx(std::exp(golden_logits[4 * t + run.expert[t]]) / sum).epsilon(1e-14));
  }
}

TEST_CASE("the switch gate is noisy in evaluation unless told otherwise") {
  auto c = golden_case("switch");
  c.context.training = false;
  REQUIRE(run_gate(c).expert == std::vector<int>{1, 2, 3});
  c.model.gate.switch_noise_in_eval = false;
  auto const quiet = run_gate(c);
  REQUIRE(quiet.expert == std::vector<int>{0, 1, 2});
  require_printed(quiet.weight, {.9, .8, 1.1}, 1e-15);
  c.context.training = true;
  REQUIRE(run_gate(c).expert == std::vector<int>{1, 2, 3});
}

TEST_CASE("the switch gate at perfect balance loses w") {
  auto c = make_case("switch", 4, 1, 4, 4);
  c.model.hidden_size = 1;
  c.model.gate.network = "linear";
  c.pool_shape.pools_in_step = 1;
  c.x = {1, 1, 1, 1};
  c.parameters = {{0, 0, 0, 0}};
  c.injected.noise.assign(16, 0.0);
  for (int t = 0; t < 4; ++t) c.injected.noise[5 * t] = 1;
  REQUIRE(run_gate(c).balance_loss[0] == Approx(0.5).epsilon(1e-15));
}

TEST_CASE("each expert keeps exactly its capacity of every pool") {
  auto c = make_case("switch", 3, 1, 60, 20);
  c.model.capacity.factor = 0.75;  // capacity 5
  auto const run = run_gate(c);
  std::map<std::pair<std::size_t, int>, int> chosen, kept;
  for (std::size_t t = 0; t < 60; ++t) {
    ++chosen[{t / 20, run.expert[t]}];
    kept[{t / 20, run.expert[t]}] += run.kept[t];
  }
  int dropped = 0;
  for (auto const& [key, count] : chosen) {
    REQUIRE(kept[key] == std::min(count, 5));
    dropped += std::max(0, count - 5);
  }
  REQUIRE(dropped > 0);
  REQUIRE(std::count(run.kept.begin(), run.kept.end(), 0) == dropped);
}

TEST_CASE("the smallest drop keys stay, ties by token") {
  auto c = make_case("switch", 2, 1, 6, 6);
  c.model.hidden_size = 1;
  c.model.gate.network = "linear";
  c.model.capacity.factor = 1.0;  // capacity 3
  c.x = std::vector<double>(6, 1.0);
  c.parameters = {{1, 0}};
  c.injected.noise.assign(12, 0.0);
  c.injected.noise[2 * 5 + 1] = 9;  // the last token goes to expert 1
  c.injected.drop_key = {.5, .2, .9, .5, .5, .99};
  for (std::vector<std::int64_t> const& split : {std::vector<std::int64_t>{6}, {2, 0, 4}}) {
    auto const run = run_gate(c, consecutive(split));
    REQUIRE(run.expert == std::vector<int>{0, 0, 0, 0, 0, 1});
    REQUIRE(run.kept == std::vector<int>{1, 1, 0, 1, 0, 1});
  }
}

TEST_CASE("which tokens are dropped changes from step to step") {
  auto c = make_case("switch", 2, 1, 30, 30);
  c.model.capacity.factor = 0.5;
  c.injected.noise.assign(60, 0.0);
  auto const first = run_gate(c);
  c.context.step += 1;
  auto const second = run_gate(c);
  REQUIRE(first.expert == second.expert);
  REQUIRE(first.kept != second.kept);
}

TEST_CASE("the switch gate gathers once when it drops and not otherwise") {
  for (bool const drop : {true, false}) {
    auto c = make_case("switch");
    c.model.capacity.policy = drop ? "random" : "none";
    c.model.capacity.factor = 0.1;
    auto const run = run_gate(c, consecutive({6, 6}));
    REQUIRE(run.num_sums == 1);
    REQUIRE(run.num_gathers == (drop ? 1 : 0));
    REQUIRE(std::count(run.kept.begin(), run.kept.end(), 0) == (drop ? 12 : 0));
  }
}
