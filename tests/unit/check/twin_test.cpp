#include "check/twin.hpp"

#include <numeric>

#include "support/catch.hpp"

using namespace moescope;

namespace {

RunConfig run_on(std::int64_t ranks, std::int64_t tp, std::int64_t ep, std::int64_t etp) {
  RunConfig config;
  config.model.num_layers = 1;
  config.model.num_experts = 64;
  config.model.expert_widths = {std::vector<std::int64_t>(64, 48)};
  config.layout = {ranks, tp, ep, ranks / tp, etp, ranks / (ep * etp)};
  return config;
}

}  // namespace

TEST_CASE("a job of up to dp 16 runs one twin of its own layout") {
  for (auto const ranks : {2, 8, 16}) {
    auto const config = run_on(ranks, 1, 2, 1);
    CHECK(twin_ranks(config.layout, ranks - 1) == Range{0, ranks});
    auto const twin = twin_config(config, ranks);
    CHECK(twin.layout.dp == ranks);
    CHECK(twin.batch.sequences == std::max(2, ranks) * twin.batch.micro_steps);
  }
}

TEST_CASE("a job of any size runs twins that are bounded, in groups of whole tp groups and expert blocks") {
  for (auto const& config : {run_on(65536, 1, 8, 1), run_on(65536, 4, 2, 2), run_on(17 * 24, 3, 8, 1), run_on(32768, 8, 64, 1)}) {
    auto const& layout = config.layout;
    auto const unit = std::lcm(layout.tp, layout.ep * layout.etp);
    for (std::int64_t rank = 0; rank < layout.ranks;) {
      auto const group = twin_ranks(layout, rank);
      REQUIRE(group.begin == rank);
      CHECK(twin_ranks(layout, group.end - 1) == group);
      CHECK(group.size() % unit == 0);
      CHECK(group.size() < 2 * std::max(16 * layout.tp, unit));
      CHECK(twin_config(config, group.size()).batch.sequences <= 2 * 32);
      rank = group.end;
    }
  }
}

TEST_CASE("whatever a run decays, its twin's parameters do not grow") {
  auto config = run_on(2, 1, 2, 1);
  config.optimizer.weight_decay = 1e4;
  auto const twin = twin_config(config, 2).optimizer;
  CHECK(twin.weight_decay * twin.learning_rate < 1);
  config.optimizer.weight_decay = 0.1;
  CHECK(twin_config(config, 2).optimizer.weight_decay == 0.1);
}
