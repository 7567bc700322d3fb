#include <algorithm>
#include <cmath>
#include <cstdio>

#include "check/checked_step.hpp"
#include "check/outcome.hpp"
#include "config/gate_kinds.hpp"
#include "config/loss_kinds.hpp"
#include "dispatch/dispatcher.hpp"
#include "equivalence/cases.hpp"
#include "run/evaluation.hpp"
#include "step/realised_sum.hpp"
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

namespace {

/// Nominal and realised losses of one step, by router and kind. Collective.
struct StepLosses {
  std::vector<double> nominal, realised;
};
StepLosses step_losses(Communicator const& world, RunConfig config, LayoutConfig const& layout_config) {
  config.layout = layout_config;
  Layout const layout(config.layout, world.size());
  Mesh mesh(world, layout, traffic::collectives(config, layout));
  Trainer<double> trainer(config, mesh);
  auto const report = trainer.step(synthetic_source(config), 0, 1);
  RankReport all;
  for (double const own : report.own.loss_realised) all.loss_realised.push_back(world.sum(own));
  return {report.loss_terms, realised_losses(config.model, {all})};
}

bool close(std::vector<double> const& a, std::vector<double> const& b) {
  bool equal = a.size() == b.size();
  for (std::size_t i = 0; equal && i < a.size(); ++i)
    equal = std::isnan(a[i]) ? std::isnan(b[i]) : std::abs(a[i] - b[i]) <= 1e-12 * std::abs(b[i]);
  return equal;
}

}  // namespace

TEST_CASE("each loss of each router, nominal and realised, is one rank's on any layout") {
  auto const world = Communicator::world();
  auto const alone = world.split(world.rank(), 0);
  for (auto const& each : cases()) {
    if (losses(each.config.model).size() < 2) continue;
    auto const reference = step_losses(alone, each.config, {});
    for (auto const& layout : layouts(each.config.model, world.size())) {
      auto const found = step_losses(world, each.config, layout);
      INFO(each.name << ", " << describe(layout));
      MPI_REQUIRE(world, close(found.nominal, reference.nominal));
      MPI_REQUIRE(world, close(found.realised, reference.realised));
    }
  }
}

TEST_CASE("the realised loss of shares is the nominal one where nothing is dropped, below it where choices are, and no other's") {
  auto const world = Communicator::world();
  for (auto each : cases()) {
    auto const kinds = losses(each.config.model);
    if (kinds.size() < 2) continue;
    auto const dropping = step_losses(world, each.config, {});
    each.config.model.capacity.factor = 100;
    auto const keeping = step_losses(world, each.config, {});
    bool right = true;
    for (std::size_t i = 0; i < keeping.nominal.size(); ++i) {
      auto const& kind = kinds[i % kinds.size()].kind;
      double const loss = keeping.nominal[i];
      right = right && std::isnan(keeping.realised[i]) != loss_kind(kind).of_shares;
      if (!loss_kind(kind).of_shares) continue;
      right = right && std::abs(keeping.realised[i] - loss) <= 1e-12 * loss && dropping.realised[i] < 0.99 * dropping.nominal[i];
    }
    each.config.model.capacity.policy = "none";
    for (double const value : step_losses(world, each.config, {}).realised) right = right && std::isnan(value);
    INFO(each.name);
    MPI_REQUIRE(world, right);
  }
}

TEST_CASE("the micro-steps into which a step is split change no loss, gradient or update") {
  auto const world = Communicator::world();
  for (auto const& each : cases()) {
    auto whole = each.config, halves = each.config;
    whole.batch = {8, each.config.batch.sequence_length, 1};
    halves.batch = {8, each.config.batch.sequence_length, 2};
    if (whole.model.gate.pool == "batch") continue;
    auto const possible = layouts(each.config.model, world.size());
    auto const kind = world.size() > 1 ? "all_to_all" : "local";
    auto const reference = outcome(world, whole, possible.back(), kind);
    auto split = outcome(world, halves, possible.back(), kind);
    split.decisions = reference.decisions;  // which are listed by micro-step
    auto const difference = deviation(split, reference).sentence();
    INFO(each.name << ", " << describe(possible.back()) << ": " << difference);
    MPI_REQUIRE(world, difference.empty());
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
  HeldOutChoices choices;
  auto report = evaluate<double>(ExecSpace(), trainer, of_domain, 2, 0, choices);
  trainer.step(source, 0, 1);
  report.changed_tokens = evaluate<double>(ExecSpace(), trainer, of_domain, 2, 1, choices).changed_tokens;
  return report;
}

}  // namespace

TEST_CASE("held-out loss, choices and their changes are the same on any layout, also with a smaller last micro-batch") {
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
    bool equal = report.expert_tokens == reference.expert_tokens && report.changed_tokens == reference.changed_tokens &&
                 std::ranges::count(report.changed_tokens, 0) < std::ssize(report.changed_tokens) && report.loss.size() == 2;
    for (std::size_t d = 0; d < 2; ++d)
      equal = equal && std::abs(report.loss[d] - reference.loss[d]) <= 1e-12 * reference.loss[d];
    INFO(describe(layout));
    MPI_REQUIRE(world, equal);
  }
}

namespace {

/// What the record holds of the routers in one step, on rank 0.
struct RoutersOfStep {
  std::vector<std::int64_t> pairs, choices;
  std::vector<metrics::ConfidenceSums> confidence;
};

RoutersOfStep routers_of_step(Communicator const& world, RunConfig config, LayoutConfig const& layout_config) {
  config.layout = layout_config;
  Layout const layout(config.layout, world.size());
  Mesh mesh(world, layout, traffic::collectives(config, layout));
  Trainer<double> trainer(config, mesh);
  auto const report = checked_step(trainer, synthetic_source(config), 0, 1);
  RoutersOfStep result{report.expert_pairs, report.choices, std::vector<metrics::ConfidenceSums>(report.own.confidence.size())};
  for (auto const& rank : report.ranks)
    for (std::size_t l = 0; l < rank.confidence.size(); ++l) result.confidence[l].add(rank.confidence[l]);
  return result;
}

bool alike(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

bool alike(RoutersOfStep const& a, RoutersOfStep const& b) {
  bool equal = a.pairs == b.pairs && a.choices == b.choices;
  for (std::size_t l = 0; l < b.confidence.size(); ++l) {
    auto const &one = a.confidence.at(l), &other = b.confidence[l];
    equal = equal && one.tokens == other.tokens && one.tokens_with_margin == other.tokens_with_margin &&
            alike(one.top_probability, other.top_probability) && alike(one.entropy, other.entropy) &&
            alike(one.margin, other.margin);
  }
  return equal;
}

/// Whether pairs of the choices of tokens, 2 each, are the pairs of experts.
bool pairs_are_of_choices(RoutersOfStep const& step, RunConfig const& config) {
  auto const experts = config.model.num_experts, tokens = config.batch.sequences * config.batch.sequence_length;
  if (std::int64_t(step.choices.size()) != config.model.num_layers * tokens * 2) return false;
  if (!std::ranges::all_of(step.choices, [&](auto expert) { return 0 <= expert && expert < experts; })) return false;
  std::vector<std::int64_t> pairs(step.pairs.size());
  for (std::size_t i = 0; i < step.choices.size(); ++i)
    for (auto const other : {i / 2 * 2, i / 2 * 2 + 1}) {
      auto const router = std::int64_t(i) / (2 * tokens);
      ++pairs[std::size_t((router * experts + step.choices[i]) * experts + step.choices[other])];
    }
  return pairs == step.pairs;
}

/// Whether its diagonal says how often each expert was chosen: of 2 choices a token.
bool counts_choices(RoutersOfStep const& step, RunConfig const& config) {
  auto const experts = config.model.num_experts, tokens = config.batch.sequences * config.batch.sequence_length;
  bool right = !step.pairs.empty();
  for (std::int64_t l = 0; l < config.model.num_layers; ++l) {
    std::int64_t choices = 0, pairs = 0;
    for (std::int64_t i = 0; i < experts * experts; ++i) {
      pairs += step.pairs[std::size_t(l * experts * experts + i)];
      if (i % (experts + 1) == 0) choices += step.pairs[std::size_t(l * experts * experts + i)];
    }
    right = right && choices == 2 * tokens && pairs == 4 * tokens;
  }
  return right;
}

}  // namespace

TEST_CASE("pairs of experts, choices of tokens and the routers' confidence are the same on any layout") {
  auto const world = Communicator::world();
  auto const alone = world.split(world.rank(), 0);
  auto config = base_config();
  config.model.top_k = 2;
  config.record.choices = true;
  auto const reference = routers_of_step(alone, config, {});
  MPI_REQUIRE(world, counts_choices(reference, config) && pairs_are_of_choices(reference, config));
  for (auto const& layout : layouts(config.model, world.size())) {
    auto const step = routers_of_step(world, config, layout);
    INFO(describe(layout));
    MPI_REQUIRE(world, world.rank() != 0 || alike(step, reference));
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
