#include <cmath>
#include <cstdio>

#include "check/outcome.hpp"
#include "dispatch/dispatcher.hpp"
#include "equivalence/cases.hpp"
#include "run/evaluation.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"

using namespace moescope;
using namespace moescope::equivalence;

namespace {

Outcome outcome(Communicator const& world, RunConfig config, LayoutConfig const& layout, std::string const& dispatcher) {
  config.layout = layout;
  config.train.dispatcher = dispatcher;
  return run_two_steps(world, config, synthetic_source(config));
}

/// Whether rank 0 found the outcome of one rank in a layout. Collective.
bool equals_one_rank(Communicator const& world, Case const& each, Outcome const& reference, LayoutConfig const& layout,
                     std::string const& dispatcher) {
  auto const difference = deviation(outcome(world, each.config, layout, dispatcher), reference).sentence();
  if (!difference.empty())
    std::printf("%s, %s, %s: %s\n", each.name.c_str(), describe(layout).c_str(), dispatcher.c_str(), difference.c_str());
  return difference.empty();
}

}  // namespace

TEST_CASE("any layout and dispatcher computes what one rank computes") {
  auto const world = Communicator::world();
  auto const alone = world.split(world.rank(), 0);
  for (auto const& each : cases()) {
    Outcome reference;
    if (world.rank() == 0) reference = outcome(alone, each.config, {}, "local");
    int compared = 0;
    for (auto const& layout : layouts(each.config.model, world.size())) {
      for (auto const& dispatcher : dispatcher_kinds()) {
        if (dispatcher == "local" && layout.ep > 1) continue;
        ++compared;
        MPI_REQUIRE(world, equals_one_rank(world, each, reference, layout, dispatcher));
      }
    }
    MPI_REQUIRE(world, compared >= 2);
  }
}

TEST_CASE("any order of the ranks computes what one rank computes, also where groups are not contiguous") {
  auto const world = Communicator::world();
  auto const alone = world.split(world.rank(), 0);
  std::size_t compared = 0;
  for (auto const& each : cases()) {
    Outcome reference;
    if (world.rank() == 0) reference = outcome(alone, each.config, {}, "local");
    auto const possible = in_other_orders(each.config.model, world.size());
    auto const every = std::size_t(world.size() > 4 ? 24 : 6);  // some of them; which ones depends on the case
    for (std::size_t i = compared % every; i < possible.size(); i += every) {
      auto const dispatcher = compared++ % 2 ? "all_gather" : "all_to_all";
      MPI_REQUIRE(world, equals_one_rank(world, each, reference, possible[i], dispatcher));
    }
  }
  MPI_REQUIRE(world, (compared > 0) == (world.size() > 2));
}

namespace {

EvaluationReport held_out(Communicator const& world, RunConfig config, LayoutConfig const& layout_config) {
  config.layout = layout_config;
  Layout const layout(config.layout, world.size());
  Mesh mesh(world, layout, traffic::collectives(config, layout));
  Trainer<double> trainer(config, mesh);
  auto const source = synthetic_source(config);
  auto const of_domain = [&](std::int64_t domain, std::int64_t first, std::int64_t count) {
    return source(100 * domain + first, count);
  };
  return evaluate<double>(ExecSpace(), trainer, of_domain, 2, 0);
}

}  // namespace

TEST_CASE("held-out loss and choices are the same on any layout, also with a smaller last micro-batch") {
  auto const world = Communicator::world();
  auto const alone = world.split(world.rank(), 0);
  auto config = cases().front().config;
  config.eval = {1, config.batch.sequences / config.batch.micro_steps + 1};
  auto const reference = held_out(alone, config, {});
  auto all = layouts(config.model, world.size());
  auto const reordered = in_other_orders(config.model, world.size());
  for (std::size_t i = 0; i < reordered.size(); i += std::size_t(world.size())) all.push_back(reordered[i]);
  for (auto const& layout : all) {
    auto const report = held_out(world, config, layout);
    bool equal = report.expert_tokens == reference.expert_tokens && report.loss.size() == 2;
    for (std::size_t d = 0; d < 2; ++d)
      equal = equal && std::abs(report.loss[d] - reference.loss[d]) <= 1e-12 * reference.loss[d];
    INFO(describe(layout));
    MPI_REQUIRE(world, equal);
  }
}

TEST_CASE("negative control: one changed seed, label or weight is found") {
  auto const world = Communicator::world();
  auto const each = cases().front();
  auto const reference = outcome(world, each.config, {}, "all_to_all");
  auto changed = each.config;
  changed.train.seed += 1;
  auto const other_seed = outcome(world, changed, {}, "all_to_all");
  auto damaged = reference;
  if (world.rank() == 0) damaged.tensors.begin()->second.front() *= 1 + 1e-9;
  MPI_REQUIRE(world, world.rank() != 0 || !deviation(other_seed, reference).sentence().empty());
  MPI_REQUIRE(world, world.rank() != 0 || !deviation(damaged, reference).sentence().empty());
  MPI_REQUIRE(world, deviation(reference, reference).where.empty());
}
