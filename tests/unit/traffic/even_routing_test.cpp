#include <algorithm>

#include "config/capacity.hpp"
#include "config/gate_kinds.hpp"
#include "layout/shared_pools.hpp"
#include "support/catch.hpp"
#include "traffic/calls.hpp"
#include "unit/traffic/small_run.hpp"

using namespace moescope;
using namespace moescope::testing;
using namespace moescope::traffic;

namespace {

/// Largest minus smallest of `of(i)` over [0, n), and their sum.
struct Spread {
  std::int64_t sum = 0, width = 0;
};
template <class Of>
Spread spread(std::int64_t n, Of const& of) {
  std::int64_t sum = 0, low = of(0), high = of(0);
  for (std::int64_t i = 0; i < n; ++i) {
    sum += of(i);
    low = std::min(low, of(i));
    high = std::max(high, of(i));
  }
  return {sum, high - low};
}

}  // namespace

TEST_CASE("Even routing deals every choice, evenly on each rank and over all ranks") {
  auto config = small_run();
  config.batch = {6, 5, 2};
  config.model.num_experts = 7;
  config.model.top_k = 3;
  for (Degrees const degrees : {Degrees{1}, Degrees{2, 2}, Degrees{4, 2}, Degrees{5}, Degrees{8, 4}}) {
    auto const layout = make_layout(degrees);
    auto const counts = even_routing(config, layout);
    for (std::int64_t m = 0; m < 2; ++m) {
      auto const owned = owned_token_runs(layout, {3, 5, 1}, Axis::stage, 0);
      for (std::int64_t r = 0; r < layout.ranks(); ++r) {
        auto const on_rank = spread(7, [&](std::int64_t e) { return counts.at(m, 1, r, e); });
        auto const& runs = owned[std::size_t(r)];
        CHECK(on_rank.sum == 3 * (runs.empty() ? 0 : runs[0].size()));
        CHECK(on_rank.width <= 1);
      }
      auto const of_job = spread(7, [&](std::int64_t e) {
        std::int64_t sum = 0;
        for (std::int64_t r = 0; r < layout.ranks(); ++r) sum += counts.at(m, 0, r, e);
        return sum;
      });
      CHECK(of_job.sum == 3 * 15);
      CHECK(of_job.width <= 1);
    }
  }
}

TEST_CASE("Even routing with pads fills the capacity of every expert, in every pool") {
  auto config = small_run();
  config.batch = {8, 5, 2};
  config.model.num_experts = 7;
  config.model.top_k = 3;
  config.model.capacity = {.policy = "position", .factor = 1.4, .pad = true};
  for (std::string const pool : {"sequence", "block:2", "block:4"}) {
    config.model.gate.pool = pool;
    auto const pools = 8 / sequences_in_pool(pool, config.batch) / config.batch.micro_steps;
    auto const capacity = expert_capacity(config.model, sequences_in_pool(pool, config.batch) * 5);
    for (Degrees const degrees : {Degrees{1}, Degrees{2, 2}, Degrees{4, 2}}) {
      auto const counts = even_routing(config, make_layout(degrees));
      for (std::int64_t m = 0; m < 2; ++m)
        for (std::int64_t e = 0; e < 7; ++e) {
          std::int64_t rows = 0;
          for (std::int64_t r = 0; r < counts.ranks; ++r) rows += counts.at(m, 0, r, e);
          CHECK(rows == pools * capacity);
        }
    }
  }
}

TEST_CASE("A token chooses one expert with the switch gate and all with the uniform gates") {
  auto config = small_run();
  CHECK(choices_per_token(config.model) == 2);
  config.model.gate.kind = "switch";
  CHECK(choices_per_token(config.model) == 1);
  config.model.gate.kind = "uniform_learnable";
  CHECK(choices_per_token(config.model) == 4);
  CHECK(even_routing(config, make_layout({2})).at(0, 0, 1, 3) == 6);
}

TEST_CASE("Volumes under even routing need no table of all ranks and are the same") {
  auto config = small_run();
  config.batch = {12, 5, 4};  // 30 choices a micro-step for four experts: the third is like the first
  for (Degrees const degrees : {Degrees{2, 1, 2}, Degrees{4, 2, 2, 2}, Degrees{8, 4, 4, 1}, Degrees{8, 1, 2, 2},
                                Degrees{8, 2, 2, 2, "dp-tp-ep"}, Degrees{8, 4, 2, 1, "ep-tp-dp"}}) {
    auto const layout = make_layout(degrees);
    auto const counts = even_routing(config, layout);
    EvenSteps steps(config, layout);
    for (std::int64_t r = 0; r < layout.ranks(); ++r) CHECK(steps.volumes(r) == step_volumes(config, layout, counts, r));
  }
}

TEST_CASE("One rank of a million is counted without the others") {
  auto config = small_run();
  config.model.num_heads = 8;
  config.model.num_experts = 64;
  config.model.expert_widths = {std::vector<std::int64_t>(64, 6), std::vector<std::int64_t>(64, 6)};
  config.batch = {1048576 / 8, 16, 1};  // one sequence for each dp coordinate, two tokens for each rank
  auto const layout = make_layout({1048576, 8, 64, 2});
  auto const volumes = EvenSteps(config, layout).volumes(1048575);
  // The last rank owns the last two of 2,097,152 tokens, so its four choices are the last of 65,536 rounds of 64: experts
  // 60 to 63, one on each of four ep ranks, of which 63 is itself. Two layers, 72 bytes a weighted row.
  auto const dispatched = volume_of(config, layout, volumes, names::dispatch_forward);
  CHECK(dispatched == Volume{2 * 3 * 72, 2 * 3, 2});
}
