#include "record/recorded_counts.hpp"

#include "schema/synthetic_run.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::testing;
using Catch::Contains;

namespace {

RunConfig replaying(std::string const& file, RunFileSetup const& of) {
  auto config = of.config;
  config.routing.forced = "replay_counts";
  config.routing.file = file;
  return config;
}

std::int64_t routed_in_step(RunFileSetup const& setup, std::int64_t step, std::int64_t layer, std::int64_t expert) {
  std::int64_t sum = 0;
  for (std::int64_t rank = 0; rank < setup.layout.ranks(); ++rank)
    sum += setup.config.batch.micro_steps * synthetic_routed(step, layer, rank, expert);
  return sum;
}

}  // namespace

TEST_CASE("counts of a file are those of the step that is asked for, or of the steps from it on") {
  TemporaryFolder const folder;
  auto const setup = synthetic_setup(5);
  auto config = replaying(write_synthetic_run(folder / "run.h5", setup), setup);
  auto const require = [&](std::int64_t first, std::int64_t steps) {
    auto const recorded = recorded_counts(config);
    REQUIRE(recorded.steps == steps);
    REQUIRE(recorded.layers == 2);
    REQUIRE(recorded.experts == 4);
    std::vector<std::int64_t> expected;
    for (auto step = first; step < first + steps; ++step)
      for (std::int64_t i = 0; i < 8; ++i) expected.push_back(routed_in_step(setup, step, i / 4, i % 4));
    REQUIRE(recorded.count == expected);
  };
  require(0, 1);
  config.routing.file_step = "middle";
  require(2, 1);
  config.routing.file_step = "end";
  require(4, 1);
  config.routing.file_step = "step:3";
  require(3, 1);
  config.routing.file_steps = "advancing";
  config.train.steps = 2;
  require(3, 2);
}

TEST_CASE("a file whose counts this run cannot have is refused with both numbers") {
  TemporaryFolder const folder;
  auto const setup = synthetic_setup(5);
  auto const config = replaying(write_synthetic_run(folder / "run.h5", setup), setup);
  auto const says = [&](RunConfig const& changed) { return refusal([&] { recorded_counts(changed); }); };
  auto other = config;
  other.model.num_experts = 5;
  CHECK_THAT(says(other), Contains("was run with 4 experts, this run has 5"));
  other = config;
  other.model.num_layers = 3;
  CHECK_THAT(says(other), Contains("was run with 2 routers, this run has 3"));
  other = config;
  other.batch.sequences = 8;
  CHECK_THAT(says(other), Contains("was run with 12 tokens a step, this run has 24"));
  other = config;
  other.routing.file_step = "step:5";
  CHECK_THAT(says(other), Contains("has 5 steps") && Contains("ask for steps 5 to 5"));
  other.routing.file_step = "step:4";
  other.routing.file_steps = "advancing";
  CHECK_THAT(says(other), Contains("ask for steps 4 to 8"));
  other.routing.file = folder / "absent.h5";
  CHECK_THAT(says(other), Contains("absent.h5"));
  other = config;
  other.model.capacity.policy = "random";
  CHECK_THAT(says(other), Contains("choices a step, this run has 24"));
  CHECK_THAT(says(replaying(write_synthetic_run(folder / "wrong.h5", setup, "wrong"), setup)), Contains("is marked wrong"));
}
