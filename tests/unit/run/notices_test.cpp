#include "run/notices.hpp"

#include "support/catch.hpp"

using namespace moescope;

namespace {

RunConfig switch_run(double capacity_factor) {
  RunConfig config;
  config.model.num_experts = 8;
  config.model.gate.kind = "switch";
  config.model.capacity.factor = capacity_factor;
  config.batch = {.sequences = 4, .sequence_length = 16};
  config.optimizer.warm_up_steps = 0;
  return config;
}

}  // namespace

TEST_CASE("a capacity that truncates to nothing is noticed, and only that") {
  CHECK(notices(switch_run(0.5)).empty());
  auto config = switch_run(0.49);
  CHECK(notices(config) ==
        std::vector<std::string>{"every choice is dropped: the capacity of an expert is "
                                 "capacity.factor = 0.49 x 16 choices of a pool / 8 experts, rounded down, = 0"});
  config.model.gate.pool = "batch";
  CHECK(notices(config).empty());
  config = switch_run(0.01);
  config.model.capacity.policy = "none";
  CHECK(notices(config).empty());
  config.model.capacity.policy.clear();
  config.model.gate.kind = "noisy_top_k";
  CHECK(notices(config).empty());
}

TEST_CASE("a warm-up longer than the run is noticed where there is one") {
  auto config = switch_run(1);
  config.optimizer.warm_up_steps = config.train.steps = 10;
  CHECK(notices(config).empty());
  config.train.steps = 9;
  CHECK(notices(config) == std::vector<std::string>{"the learning rate never reaches its peak: optimizer.warm_up_steps = 10 is "
                                                    "above train.steps = 9"});
  config.train.mode = "forward";
  CHECK(notices(config).empty());
}

TEST_CASE("groups of experts that are not those of one rank each are noticed, of gates that have groups") {
  auto config = switch_run(1);
  config.model.gate.kind = "topology_limited";
  CHECK(notices(config).empty());
  config.model.gate.num_groups = 4;
  config.layout.ep = 2;
  CHECK(notices(config) ==
        std::vector<std::string>{"the groups of gate.num_groups = 4 are not the experts of one rank each: layout.ep = 2"});
  config.layout.ep = 4;
  CHECK(notices(config).empty());
  config.layout.ep = 2;
  config.model.gate.kind = "switch";
  CHECK(notices(config).empty());
}

TEST_CASE("settings that decide nothing are noticed") {
  auto config = switch_run(1);
  config.idle = {"run.toml:1:1: model.top_k = 2 decides nothing with gate.kind = \"switch\""};
  CHECK(notices(config) == config.idle);
}

TEST_CASE("a balance loss that no parameter changes is noticed") {
  auto config = switch_run(1);
  config.model.gate.kind = "noisy_top_k";
  config.model.top_k = 1;
  CHECK(notices(config).empty());  // noise makes a smooth load
  config.model.gate.add_noise = false;
  REQUIRE(notices(config).size() == 1);
  CHECK(notices(config)[0].starts_with("the loss cv_squared has no gradient: with one choice a token every weight is 1"));
  for (auto const change : {0, 1, 2, 3}) {
    auto other = config;
    if (change == 0) other.model.top_k = 2;
    if (change == 1) other.model.gate.use_softmax = false;
    if (change == 2) other.model.gate.loss = {{"switch", 0.01, "batch"}};
    if (change == 3) other.train.mode = "forward";
    CAPTURE(change);
    CHECK(notices(other).empty());
  }
}
