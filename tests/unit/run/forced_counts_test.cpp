#include "run/forced_counts.hpp"

#include <nlohmann/json.hpp>

#include "run/dry_run.hpp"
#include "support/catch.hpp"
#include "unit/traffic/small_run.hpp"

using namespace moescope;
using namespace moescope::testing;

namespace {

RunConfig forced_run(std::string const& workload) {
  auto config = small_run();
  config.routing.forced = workload;
  return config;
}

nlohmann::json planned(RunConfig const& config, Layout const& layout) {
  auto const forced = make_forced_routing(config);
  LaunchFacts launch;
  launch.forced = forced.get();
  return nlohmann::json::parse(dry_run_json(config, layout, launch))["step"];
}

}  // namespace

TEST_CASE("forced even routing is the even routing that a dry run assumes, in every layout and split into micro-steps") {
  for (auto const& layout : {make_layout({1}), make_layout({2, 1, 2}), make_layout({4, 2, 2})})
    for (std::int64_t const micro_steps : {1, 2}) {
      auto config = forced_run("even");
      config.batch.micro_steps = micro_steps;
      auto const forced = make_forced_routing(config);
      for (std::int64_t const step : {0, 3})
        CHECK(forced_counts(config, layout, *forced, step).count == traffic::even_routing(config, layout).count);
      auto natural = config;
      natural.routing.forced = "none";
      CHECK(planned(config, layout)["collectives"] == planned(natural, layout)["collectives"]);
    }
}

TEST_CASE("bytes of a forced step are those of its choices, and the dry run says so") {
  auto config = forced_run("hot_rank");
  config.routing.hot_share = 1;
  auto const step = planned(config, make_layout({2, 1, 2}));
  CHECK(step["assumes"] == "step 0 of forced:hot_rank");
  for (auto const& each : step["collectives"]) {
    if (each["name"] != "ep.dispatch.forward") continue;
    CHECK(each["heaviest_rank"] == 1);  // all of its 6 tokens' 12 choices go to rank 0, in two layers
    CHECK(each["payload_bytes"]["largest_rank"] == 2 * 12 * (64 + 8));
    CHECK(each["payload_bytes"]["all_ranks"] == 2 * 12 * (64 + 8));
  }
  CHECK(planned(forced_run("none"), make_layout({2, 1, 2}))["assumes"] == "even routing");
}

TEST_CASE("where choices may be dropped, or are too many to draw, a dry run assumes even routing") {
  auto config = forced_run("zipf");
  config.model.capacity.policy = "random";
  CHECK(planned(config, make_layout({2, 1, 2}))["assumes"] == "even routing");
  config = forced_run("zipf");
  config.batch.sequences = std::int64_t(1) << 22;
  CHECK(planned(config, make_layout({2, 1, 2}))["assumes"] == "even routing");
}
