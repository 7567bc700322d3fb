#include <algorithm>
#include <map>

#include "check/checked_step.hpp"
#include "equivalence/cases.hpp"
#include "run/evaluation.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"
#include "support/pmpi_counter.hpp"
#include "traffic/calls.hpp"

using namespace moescope;
using namespace moescope::equivalence;

namespace {

traffic::RoutedCounts routed_counts(StepReport const& report, RunConfig const& config) {
  auto const layers = config.model.num_layers, experts = config.model.num_experts;
  traffic::RoutedCounts counts(config.batch.micro_steps, layers, std::int64_t(report.ranks.size()), experts);
  for (std::int64_t r = 0; r < counts.ranks; ++r) {
    for (std::int64_t m = 0; m < counts.micro_steps; ++m) {
      for (std::int64_t l = 0; l < layers; ++l) {
        for (std::int64_t e = 0; e < experts; ++e) {
          counts.at(m, l, r, e) = report.ranks[std::size_t(r)].processed[std::size_t((m * layers + l) * experts + e)];
        }
      }
    }
  }
  return counts;
}

/// True on rank 0 when configuration and counts alone give every rank's ledger, rows and peer bytes.
bool computed_equals_counted(StepReport const& report, RunConfig const& config, Layout const& layout) {
  auto const counts = routed_counts(report, config);
  bool equal = true;
  for (std::int64_t r = 0; r < counts.ranks; ++r) {
    auto const& rank = report.ranks[std::size_t(r)];
    equal = equal && traffic::step_volumes(config, layout, counts, r) == rank.volumes;
    equal = equal && traffic::peer_bytes(config, layout, counts, r) == rank.peer_bytes;
    auto const rows = traffic::computed_rows(config, layout, counts, r);
    equal = equal && rows.sum == rank.rows && rows.worst_micro_step == rank.rows_worst;
    auto const& own = rank.computed;  // from the counts of its expert block
    equal = equal && own.volumes == rank.volumes && own.peer_bytes == rank.peer_bytes;
    equal = equal && own.rows == rank.rows && own.rows_worst == rank.rows_worst;
  }
  return equal;
}

using OperationCounts = std::map<std::string, pmpi_counter::Count>;

OperationCounts by_operation(std::vector<pmpi_counter::Call> const& calls) {
  OperationCounts counts;
  for (auto const& call : calls) {
    counts[call.operation].bytes += call.bytes;
    counts[call.operation].calls += 1;
  }
  return counts;
}

OperationCounts ledger_by_operation(StepReport const& report, std::size_t rank,
                                    std::vector<traffic::Collective> const& collectives) {
  OperationCounts counts;
  for (std::size_t c = 0; c < collectives.size(); ++c) {
    auto const& volume = report.ranks[rank].volumes[c];
    if (volume.calls == 0) continue;
    counts[name(collectives[c].operation)].bytes += volume.payload_bytes;
    counts[name(collectives[c].operation)].calls += volume.calls;
  }
  return counts;
}

}  // namespace

namespace {

/// Every rank's counts on every rank. Collective.
traffic::RoutedCounts everybodys_counts(Communicator const& world, StepReport const& report, RunConfig const& config) {
  traffic::RoutedCounts counts(config.batch.micro_steps, config.model.num_layers, world.size(), config.model.num_experts);
  if (world.rank() == 0) counts = routed_counts(report, config);
  counts.count = world.sum(counts.count);
  return counts;
}

/// Whether the calls of this rank's step, one by one, are those that PMPI saw.
bool same_order(std::vector<pmpi_counter::Call> const& seen, RunConfig const& config, Layout const& layout,
                traffic::RoutedCounts const& counts, std::int64_t rank) {
  auto const collectives = traffic::collectives(config, layout);
  std::vector<pmpi_counter::Call> computed;
  traffic::for_each_call(config, layout, counts, rank, [&](traffic::Call const& call) {
    computed.push_back({name(collectives[call.collective].operation), call.payload_bytes});
  });
  return seen == computed;
}

/// One step of `config`: computed = ledger on every rank, ledger = PMPI on rank 0, and the calls of every rank in the order in
/// which it made them. Collective.
bool three_counts_agree(Communicator const& world, RunConfig const& config) {
  Layout const layout(config.layout, world.size());
  auto const collectives = traffic::collectives(config, layout);
  Mesh mesh(world, layout, collectives);
  Trainer<double> trainer(config, mesh);
  auto const source = [&](std::int64_t first, std::int64_t count) {
    auto batch = synthetic_source(config)(first, count);
    batch.domain.clear();
    return batch;
  };
  pmpi_counter::take();
  auto report = trainer.step(source, 0, 0);
  auto const calls = pmpi_counter::take_calls();
  check_step(trainer, report);
  bool const ordered = same_order(calls, config, layout, everybodys_counts(world, report, config), world.rank());
  pmpi_counter::take();
  return ordered && (world.rank() != 0 || (computed_equals_counted(report, config, layout) &&
                                           by_operation(calls) == ledger_by_operation(report, 0, collectives)));
}

}  // namespace

TEST_CASE("bytes computed from configuration and counts, the ledger and an independent PMPI count are equal, call by call") {
  auto const world = Communicator::world();
  for (auto const& each : cases()) {
    for (std::string const mode : {"train", "forward"}) {
      for (auto const& layout : layouts(each.config.model, world.size())) {
        for (auto const& dispatcher : dispatcher_kinds()) {
          if (dispatcher == "local" && layout.ep > 1) continue;
          auto config = each.config;
          config.layout = layout;
          config.train.mode = mode;
          config.train.dispatcher = dispatcher;
          INFO(each.name << ", " << describe(layout) << ", " << dispatcher << ", " << mode);
          MPI_REQUIRE(world, three_counts_agree(world, config));
        }
      }
    }
  }
}

TEST_CASE("in any order of the ranks the three counts are equal, call by call") {
  auto const world = Communicator::world();
  std::size_t number = 0;
  for (auto const& each : cases()) {
    auto const possible = in_other_orders(each.config.model, world.size());
    for (std::size_t i = number % 3; i < possible.size(); i += 3) {
      auto config = each.config;
      config.layout = possible[i];
      config.train.dispatcher = number++ % 2 ? "all_gather" : "all_to_all";
      INFO(each.name << ", " << describe(possible[i]) << ", " << config.train.dispatcher);
      MPI_REQUIRE(world, three_counts_agree(world, config));
    }
  }
  MPI_REQUIRE(world, (number > 0) == (world.size() > 2));
}

TEST_CASE("an evaluation reports its exchanges and leaves none of them to the next step") {
  auto const world = Communicator::world();
  auto const each = cases().front();
  for (auto const& layout_config : layouts(each.config.model, world.size())) {
    auto config = each.config;
    config.layout = layout_config;
    config.eval = {1, config.batch.sequences / config.batch.micro_steps};
    Layout const layout(config.layout, world.size());
    auto const collectives = traffic::collectives(config, layout);
    Mesh mesh(world, layout, collectives);
    Trainer<double> trainer(config, mesh);
    auto const source = synthetic_source(config);
    auto const held_out = [&](std::int64_t, std::int64_t first, std::int64_t count) { return source(first, count); };
    HeldOutChoices choices;
    auto const evaluation = evaluate<double>(ExecSpace(), trainer, held_out, 1, 0, choices);
    auto const after = checked_step(trainer, source, 0, 1);

    auto forward = config;
    forward.train.mode = "forward";
    forward.batch = {config.eval.sequences, config.batch.sequence_length, 1};
    traffic::RoutedCounts const none(1, config.model.num_layers, world.size(), config.model.num_experts);
    bool equal = true;
    for (std::int64_t r = 0; r < world.size() && world.rank() == 0; ++r) {
      auto const expected = traffic::step_volumes(forward, layout, none, r);
      auto const forward_list = traffic::collectives(forward, layout);
      for (std::size_t c = 0; c < collectives.size(); ++c) {
        auto const at =
            std::find_if(forward_list.begin(), forward_list.end(), [&](auto const& f) { return f.name == collectives[c].name; });
        bool const fixed = collectives[c].name.starts_with("tp.") || collectives[c].name.starts_with("stage.pool");
        if (!fixed || at == forward_list.end()) continue;
        auto const payload = evaluation.payload_bytes[std::size_t(r) * collectives.size() + c];
        equal = equal && payload == expected[std::size_t(at - forward_list.begin())].payload_bytes;
      }
    }
    INFO(describe(layout_config));
    MPI_REQUIRE(world, equal);
    MPI_REQUIRE(world, world.rank() != 0 || computed_equals_counted(after, config, layout));
  }
}
