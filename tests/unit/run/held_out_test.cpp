#include "equivalence/cases.hpp"
#include "run/evaluation.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"

using namespace moescope;

TEST_CASE("an evaluation draws noise of its own for each domain, and asks the source for its sequences from 0") {
  auto const world = Communicator::world();
  auto config = equivalence::base_config();
  config.model.top_k = 1;
  config.model.gate.kind = "switch";  // draws noise in evaluation, too
  config.model.drop_tokens = false;
  config.batch = {4, 9, 1};
  config.eval = {1, 6};
  Layout const layout(config.layout, world.size());
  Mesh mesh(world, layout, traffic::collectives(config, layout));
  Trainer<double> trainer(config, mesh);
  auto const text = equivalence::synthetic_source(config);
  std::int64_t lowest = 0, end = 0;
  auto const same_text = [&](std::int64_t, std::int64_t first, std::int64_t count) {
    lowest = std::min(lowest, first);
    end = std::max(end, first + count);
    return text(first, count);
  };
  auto const report = evaluate<double>(ExecSpace(), trainer, same_text, 2, 0);
  auto const half = report.expert_tokens.begin() + std::ptrdiff_t(report.expert_tokens.size() / 2);
  std::vector<std::int64_t> const first(report.expert_tokens.begin(), half), second(half, report.expert_tokens.end());
  MPI_REQUIRE(world, first != second);
  MPI_REQUIRE(world, lowest == 0 && end <= 6);
}
