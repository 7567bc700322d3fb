#include <numeric>

#include "equivalence/cases.hpp"
#include "run/evaluation.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"

using namespace moescope;

namespace {

/// `text_of(domain, first, count)`, from the synthetic source: of 2 domains with 6 sequences of 9 tokens each, after no step.
template <class TextOf>
EvaluationReport held_out(Communicator const& world, RunConfig config, TextOf const& text_of) {
  config.batch = {4, 9, 1};
  config.eval = {1, 6};
  Layout const layout(config.layout, world.size());
  Mesh mesh(world, layout, traffic::collectives(config, layout));
  Trainer<double> trainer(config, mesh);
  auto const text = equivalence::synthetic_source(config);
  auto const of_domain = [&](std::int64_t domain, std::int64_t first, std::int64_t count) {
    return text_of(text, domain, first, count);
  };
  HeldOutChoices choices;
  return evaluate<double>(ExecSpace(), trainer, of_domain, 2, 0, choices);
}

EvaluationReport held_out(Communicator const& world, RunConfig const& config) {
  return held_out(world, config, [](auto const& text, std::int64_t domain, std::int64_t first, std::int64_t count) {
    return text(100 * domain + first, count);
  });
}

/// Whether every router made so many choices of each of the 6 x 9 tokens of each domain.
bool every_token_chose(EvaluationReport const& report, std::int64_t experts, std::int64_t choices) {
  bool right = !report.expert_tokens.empty();
  for (auto next = report.expert_tokens.begin(); next != report.expert_tokens.end(); next += experts)
    right = right && std::accumulate(next, next + experts, std::int64_t{0}) == 6 * 9 * choices;
  return right;
}

}  // namespace

TEST_CASE("on held-out text the choices of every domain and router are its tokens times the choices of a token") {
  auto const world = Communicator::world();
  auto config = equivalence::base_config();
  config.model.top_k = 2;
  MPI_REQUIRE(world, every_token_chose(held_out(world, config), config.model.num_experts, 2));
  config.model.top_k = 1;
  config.model.gate.kind = "switch";
  config.model.capacity.policy = "random";  // counted before dropping
  MPI_REQUIRE(world, every_token_chose(held_out(world, config), config.model.num_experts, 1));
  config.model.gate.kind = "uniform";
  config.model.top_k = config.model.num_experts;
  MPI_REQUIRE(world, every_token_chose(held_out(world, config), config.model.num_experts, config.model.num_experts));
}

TEST_CASE("an evaluation draws noise of its own for each domain, and asks the source for its sequences from 0") {
  auto const world = Communicator::world();
  auto config = equivalence::base_config();
  config.model.top_k = 1;
  config.model.gate.kind = "switch";  // draws noise in evaluation, too
  config.model.capacity.policy = "none";
  std::int64_t lowest = 0, end = 0;
  auto const report = held_out(world, config, [&](auto const& text, std::int64_t, std::int64_t first, std::int64_t count) {
    lowest = std::min(lowest, first);
    end = std::max(end, first + count);
    return text(first, count);
  });
  auto const half = report.expert_tokens.begin() + std::ptrdiff_t(report.expert_tokens.size() / 2);
  std::vector<std::int64_t> const first(report.expert_tokens.begin(), half), second(half, report.expert_tokens.end());
  MPI_REQUIRE(world, first != second);
  MPI_REQUIRE(world, lowest == 0 && end <= 6);
}
