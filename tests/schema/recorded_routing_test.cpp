#include "record/recorded_routing.hpp"

#include "schema/synthetic_run.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::testing;
using Catch::Contains;

namespace {

RunConfig replaying(std::string const& file, RunFileSetup const& of, std::string const& workload = "replay_counts") {
  auto config = of.config;
  config.routing.forced = workload;
  config.routing.file = file;
  return config;
}

std::int64_t routed_in_step(RunFileSetup const& setup, std::int64_t step, std::int64_t layer, std::int64_t expert) {
  std::int64_t sum = 0;
  for (std::int64_t rank = 0; rank < setup.layout.ranks(); ++rank)
    sum += setup.config.batch.micro_steps * synthetic_routed(step, layer, rank, expert);
  return sum;
}

/// Every step with choices, unless told otherwise.
RunFileSetup with_choices(std::int64_t steps, std::string const& forced = "none", std::int64_t detail_every = 1) {
  auto setup = synthetic_setup(steps);
  setup.config.record.choices = true;
  setup.config.record.detail_every = detail_every;
  setup.config.routing.forced = forced;
  return setup;
}

/// A file whose steps hold what `change` leaves of their choices.
template <class Change>
std::string write_changed(std::string const& path, RunFileSetup const& setup, Change change) {
  RunFile file(path, setup);
  for (std::int64_t step = 0; step < setup.config.train.steps; ++step) {
    auto report = synthetic_step(setup, step);
    change(report);
    file.write_step(report);
  }
  file.finish("complete", "");
  return file.path();
}

void require_choices(RecordedChoices const& recorded, RunFileSetup const& setup, std::int64_t first, std::int64_t steps) {
  RecordedChoices expected{steps, 2, 12, {0}, {}};
  for (std::int64_t i = 0; i < steps * 24; ++i) {
    auto const chosen = synthetic_choices(setup, first + i / 24, i / 12 % 2, i % 12);
    expected.expert.insert(expected.expert.end(), chosen.begin(), chosen.end());
    expected.offsets.push_back(std::int64_t(expected.expert.size()));
  }
  REQUIRE(recorded.steps == steps);
  REQUIRE(recorded.layers == 2);
  REQUIRE(recorded.tokens == 12);
  REQUIRE(recorded.offsets == expected.offsets);
  REQUIRE(recorded.expert == expected.expert);
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

TEST_CASE("choices of a file are those of the step that is asked for, or of the steps from it on, as many as each token made") {
  TemporaryFolder const folder;
  for (std::string const forced : {"none", "ragged_source"}) {
    auto const setup = with_choices(5, forced);
    auto config = replaying(write_synthetic_run(folder / forced + ".h5", setup), setup, "replay_choices");
    require_choices(recorded_choices(config), setup, 0, 1);
    config.routing.file_step = "step:3";
    require_choices(recorded_choices(config), setup, 3, 1);
    config.routing.file_step = "step:2";
    config.routing.file_steps = "advancing";
    config.train.steps = 3;
    require_choices(recorded_choices(config), setup, 2, 3);
  }
}

TEST_CASE("a step without choices is refused with those that have them") {
  TemporaryFolder const folder;
  auto const says = [](RunConfig const& config) { return refusal([&] { recorded_choices(config); }); };
  auto setup = with_choices(5, "none", 2);
  auto config = replaying(write_synthetic_run(folder / "some.h5", setup), setup, "replay_choices");
  config.routing.file_step = "step:4";
  CHECK(says(config).empty());
  config.routing.file_step = "step:3";
  CHECK_THAT(says(config), Contains("some.h5") && Contains("has choices of steps 0, 2, 4;") && Contains("\"step:3\"") &&
                               Contains("ask for step 3"));
  config.routing.file_step = "start";
  config.routing.file_steps = "advancing";
  CHECK_THAT(says(config), Contains("\"advancing\" ask for step 1"));
  setup = with_choices(40, "none", 3);
  config = replaying(write_synthetic_run(folder / "many.h5", setup), setup, "replay_choices");
  config.routing.file_step = "end";
  CHECK(says(config).empty());
  config.routing.file_step = "middle";
  CHECK_THAT(says(config), Contains("has choices of steps 0, 3, 6, ..., 39;"));
  setup.config.record.choices = false;
  config = replaying(write_synthetic_run(folder / "none.h5", setup), setup, "replay_choices");
  CHECK_THAT(says(config), Contains("none.h5") && Contains("has no choices of tokens") && Contains("record.choices = true"));
}

TEST_CASE("choices that are not those which the step counted are none") {
  TemporaryFolder const folder;
  auto const setup = with_choices(3);
  auto const refused = [&](std::string const& name, auto change) {
    auto config = replaying(write_changed(folder / name, setup, change), setup, "replay_choices");
    config.routing.file_step = "step:1";
    return refusal([&] { recorded_choices(config); });
  };
  CHECK(refused("same.h5", [](StepReport const&) {}).empty());
  auto const in_step_1 = [](auto change) {
    return [=](StepReport& report) {
      if (report.step == 1) change(report.choices);
    };
  };
  CHECK_THAT(refused("unwritten.h5", in_step_1([](auto& choices) { choices.assign(choices.size(), -1); })),
             Contains("has choices of steps 0, 2;"));
  CHECK_THAT(refused("less.h5", in_step_1([](auto& choices) { choices[7] = -1; })), Contains("ask for step 1"));
  CHECK_THAT(refused("twice.h5", in_step_1([](auto& choices) { choices[0] = choices[1]; })), Contains("ask for step 1"));
  CHECK_THAT(refused("other.h5", in_step_1([](auto& choices) { choices[5] = 4; })), Contains("ask for step 1"));
  CHECK_THAT(refused("nowhere.h5", [](StepReport& report) { report.choices.assign(report.choices.size(), -1); }),
             Contains("has choices of no step;"));
}

TEST_CASE(
    "choices of another model or batch are refused as counts are, and with a capacity as many as its gate makes are asked for") {
  TemporaryFolder const folder;
  auto const setup = with_choices(3, "ragged_source");
  auto const config = replaying(write_synthetic_run(folder / "run.h5", setup), setup, "replay_choices");
  auto const says = [](RunConfig const& changed) { return refusal([&] { recorded_choices(changed); }); };
  auto other = config;
  other.batch.sequences = 8;
  CHECK_THAT(says(other), Contains("was run with 12 tokens a step, this run has 24"));
  other = config;
  other.routing.file_step = "step:3";
  CHECK_THAT(says(other), Contains("has 3 steps"));
  other = config;
  other.model.capacity.policy = "random";
  CHECK_THAT(says(other), Contains("was run with 21 choices a step, this run has 24"));
}
