#include <algorithm>

#include "config/dispatcher_kinds.hpp"
#include "support/catch.hpp"
#include "traffic/dispatch/dispatch_traffic.hpp"
#include "unit/traffic/small_run.hpp"

using namespace moescope;
using namespace moescope::testing;
using namespace moescope::traffic;

namespace {

std::vector<std::string> listed(RunConfig const& config, Degrees const& degrees) {
  std::vector<std::string> result;
  for (auto const& c : collectives(config, make_layout(degrees))) result.push_back(c.name);
  return result;
}

}  // namespace

TEST_CASE("One rank exchanges nothing") { CHECK(listed(small_run(), {1}).empty()); }

TEST_CASE("Data parallelism alone reduces gradients and control numbers") {
  CHECK(listed(small_run(), {2}) == std::vector<std::string>{"dp.gradients", "stage.gradients", "edp.gradients", "control.labels",
                                                             "control.loss", "control.gate_statistics", "control.gradient_norm"});
}

TEST_CASE("Expert parallelism adds the four exchanges of rows and the counts") {
  CHECK(listed(small_run(), {2, 1, 2}) ==
        std::vector<std::string>{"ep.dispatch.forward", "ep.dispatch.backward", "ep.combine.forward", "ep.combine.backward",
                                 "dp.gradients", "stage.gradients", "control.counts", "control.labels", "control.loss",
                                 "control.gate_statistics", "control.gradient_norm"});
}

TEST_CASE("Tensor parallelism adds activations' exchanges, and no reduction over dp = 1") {
  CHECK(listed(small_run(), {2, 2, 1, 2}) ==
        std::vector<std::string>{
            "tp.all_reduce.embedding.forward", "tp.all_reduce.attention.forward", "tp.all_reduce.attention.backward",
            "tp.all_gather.block.forward", "tp.all_gather.block.backward", "tp.all_reduce.loss_maximum.forward",
            "tp.all_reduce.loss_sums.forward", "tp.all_reduce.head.backward", "etp.all_gather.dispatch.forward",
            "etp.reduce_scatter.dispatch.backward", "etp.reduce_scatter.combine.forward", "etp.all_gather.combine.backward",
            "tp.pool_sum.forward", "stage.gradients", "control.counts", "control.gradient_norm"});
}

TEST_CASE("Forward mode exchanges nothing of the backward pass") {
  auto config = small_run();
  config.train.mode = "forward";
  for (auto const& name : listed(config, {4, 2, 2, 2})) {
    CHECK(name.find("backward") == std::string::npos);
    CHECK(name.find("gradient") == std::string::npos);
  }
  CHECK(executes(collectives(config, make_layout({4, 2, 2, 2})), names::combine_forward));
}

TEST_CASE("Pools are exchanged by the gates that have one") {
  auto config = small_run();
  auto const layout = make_layout({2, 2, 1, 2});
  CHECK(!executes(collectives(config, layout), names::tp_pool_gather));
  config.model.gate.kind = "switch";
  CHECK(executes(collectives(config, layout), names::tp_pool_sum));
  CHECK(executes(collectives(config, layout), names::tp_pool_gather));
  config.model.capacity.policy = "none";
  CHECK(!executes(collectives(config, layout), names::tp_pool_gather));
  config.model.gate.kind = "random";
  CHECK(!executes(collectives(config, layout), names::tp_pool_sum));
}

TEST_CASE("Pools are exchanged by the ranks that share one, in steps and in evaluations") {
  auto config = small_run();
  config.model.gate.kind = "switch";
  auto const executed = [&](Degrees const& degrees) {
    std::vector<std::string> pools;
    for (auto const& c : collectives(config, make_layout(degrees)))
      if (c.name.find("pool") != std::string::npos || c.name == names::gate_statistics) pools.push_back(c.name);
    return pools;
  };
  using Names = std::vector<std::string>;
  CHECK(executed({2}) == Names{"control.gate_statistics"});
  CHECK(executed({4, 2}) == Names{"tp.pool_sum.forward", "tp.pool_gather.forward", "control.gate_statistics"});
  config.model.gate.pool = "batch";
  CHECK(executed({4, 2}) == Names{"stage.pool_sum.forward", "stage.pool_gather.forward"});
  config.model.gate.pool = "block:2";
  CHECK(executed({2}) == Names{"control.gate_statistics"});
  config.eval = {1, 6};  // a batch of four, and one of two, which are one pool
  CHECK(executed({2}) == Names{"stage.pool_sum.forward", "stage.pool_gather.forward", "control.gate_statistics"});
}

TEST_CASE("KV gradients are exchanged where tp ranks share a head") {
  auto const config = small_run();
  CHECK(!executes(collectives(config, make_layout({2, 2})), names::kv_gradients));
  CHECK(executes(collectives(config, make_layout({4, 4})), names::kv_gradients));
}

TEST_CASE("Axes and operations agree with the names") {
  auto config = small_run();
  config.model.gate.kind = "switch";
  for (auto const& c : collectives(config, make_layout({16, 4, 2, 2}))) {
    auto const dot = c.name.find('.');
    auto const prefix = c.name.substr(0, dot);
    if (prefix != "control") CHECK(prefix == name(c.axis));
    if (prefix == "ep") CHECK(c.operation == Operation::all_to_all);
    if (prefix == "tp" || prefix == "etp") {
      if (c.name != names::kv_gradients && c.name.find(".pool_") == std::string::npos)
        CHECK(c.name.substr(dot + 1).starts_with(name(c.operation)));
    }
  }
}

TEST_CASE("Every dispatcher has its pure half") {
  for (auto const kind : dispatcher_kind_names) CHECK(dispatch_traffic(kind).kind == kind);
  CHECK(all_dispatch_traffic().size() == all_dispatcher_kinds.size());
}

TEST_CASE("What is exchanged follows from the passes that are asked for, not from the mode") {
  auto config = small_run();
  auto const layout = make_layout({4, 2, 2, 2});
  auto const trained = collectives(config, layout);
  config.train.mode = "forward";
  auto const asked = collectives(config, layout, Passes::forward_and_backward);
  CHECK(executes(asked, "dp.gradients"));
  CHECK(asked.size() == trained.size());
  CHECK(!executes(collectives(config, layout), "dp.gradients"));
  CHECK(!executes(collectives(config, layout, Passes::forward), names::dispatch_backward));
}

TEST_CASE("Every configuration's exchanges are among all exchanges, in the same order") {
  auto config = small_run();
  config.model.gate.kind = "switch";
  for (auto const kind : dispatcher_kind_names) {
    config.train.dispatcher = kind;
    auto next = every_collective().begin();
    for (auto const& each : collectives(config, make_layout({16, 4, 2, 2}))) {
      next = std::find_if(next, every_collective().end(), [&](auto const& known) { return known.name == each.name; });
      REQUIRE(next != every_collective().end());
      CHECK(next->axis == each.axis);
      CHECK(next->operation == each.operation);
    }
  }
  CHECK(every_collective().size() == 38);
}
