#include "schema/synthetic_run.hpp"

#include <stdlib.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "base/region.hpp"
#include "config/forced_workloads.hpp"

namespace moescope::testing {
namespace {

constexpr std::int64_t micro_steps = 2;

RunConfig synthetic_config(std::int64_t steps) {
  RunConfig config;
  auto& model = config.model;
  model.vocab_size = 10;
  model.hidden_size = 8;
  model.num_layers = 2;
  model.num_heads = model.num_kv_heads = 4;
  model.head_dim = 2;
  model.num_experts = 4;
  model.top_k = 2;
  model.intermediate_size = 24;
  model.expert_widths = {{6, 6, 6, 6}, {6, 6, 6, 6}};
  model.score_scale_factor = {1, 1};
  model.gate.loss.emplace({LossConfig{"switch", 0.01, ""}, LossConfig{"gshard", 0.001, ""}});
  config.batch = {4, 3, micro_steps};
  config.layout.tp = config.layout.ep = config.layout.etp = 2;
  config.train.steps = steps;
  config.train.timing = "phased";
  config.record.detail_every = 2;
  config.machine.stated_peak_flops = 1e9;
  config.toml = "# as given\n[train]\nsteps = " + std::to_string(steps) + "\n";
  return config;
}

traffic::RoutedCounts processed(RunFileSetup const& setup, std::int64_t step) {
  auto const& model = setup.config.model;
  traffic::RoutedCounts counts(micro_steps, model.num_layers, setup.layout.ranks(), model.num_experts);
  for (std::int64_t m = 0; m < micro_steps; ++m)
    for (std::int64_t l = 0; l < model.num_layers; ++l)
      for (std::int64_t r = 0; r < setup.layout.ranks(); ++r)
        for (std::int64_t e = 0; e < model.num_experts; ++e) counts.at(m, l, r, e) = synthetic_processed(step, l, r, e);
  return counts;
}

/// Of the counters that a rank reads: two on the first host, one on the second.
std::vector<double> synthetic_joules(std::int64_t step, std::int64_t rank) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  return rank == 0 ? std::vector{40.0 + double(step), 2.0} : rank == 2 ? std::vector{20.0, none} : std::vector{none, none};
}

/// Choices before dropping of a rank, which owns a quarter of the tokens where each token's are recorded.
std::int64_t routed(RunFileSetup const& setup, std::int64_t step, std::int64_t layer, std::int64_t rank, std::int64_t expert) {
  if (!setup.config.record.choices) return micro_steps * synthetic_routed(step, layer, rank, expert);
  std::int64_t count = 0;
  for (auto token = 3 * rank; token < 3 * rank + 3; ++token) {
    auto const chosen = synthetic_choices(setup, step, layer, token);
    count += std::count(chosen.begin(), chosen.end(), expert);
  }
  return count;
}

std::vector<std::int64_t> all_choices(RunFileSetup const& setup, std::int64_t step) {
  std::vector<std::int64_t> all;
  for (std::int64_t layer = 0; layer < setup.config.model.num_layers; ++layer)
    for (std::int64_t token = 0; token < 12; ++token) {
      auto chosen = synthetic_choices(setup, step, layer, token);
      chosen.resize(std::size_t(most_choices(setup.config)), -1);
      all.insert(all.end(), chosen.begin(), chosen.end());
    }
  return all;
}

RankReport rank_report(RunFileSetup const& setup, traffic::RoutedCounts const& counts, std::int64_t step, std::int64_t rank) {
  auto const& model = setup.config.model;
  RankReport report;
  report.step_seconds = 0.5 + 0.125 * double(rank) + 0.03125 * double(step);
  report.checks_seconds = 0.25 + 0.125 * double(rank) + 0.0625 * double(step);
  report.phase_seconds.assign(phase_names.size(), 0.01 * double(rank + 1));
  report.volumes = traffic::step_volumes(setup.config, setup.layout, counts, rank);
  report.wait_seconds.assign(report.volumes.size(), 0.001 * double(rank + 1));
  report.transfer_seconds.assign(report.volumes.size(), 0.002 * double(step + 1));
  for (std::int64_t l = 0; l < model.num_layers; ++l)
    for (std::int64_t e = 0; e < model.num_experts; ++e) report.routed.push_back(routed(setup, step, l, rank, e));
  for (std::int64_t m = 0; m < micro_steps; ++m)
    for (std::int64_t l = 0; l < model.num_layers; ++l)
      for (std::int64_t e = 0; e < model.num_experts; ++e) report.processed.push_back(counts.at(m, l, rank, e));
  auto const rows = traffic::computed_rows(setup.config, setup.layout, counts, rank);
  report.rows = rows.sum;
  report.rows_worst = rows.worst_micro_step;
  report.peer_bytes = traffic::peer_bytes(setup.config, setup.layout, counts, rank);
  report.loss_realised = {0.03125 * double(rank), 0.25, 0.015625 * double(rank), 0.5};
  for (std::int64_t l = 0; l < model.num_layers; ++l) {
    auto const tokens = double(2 * (rank + 1));
    report.confidence.push_back({tokens, 0.5 * tokens, 0.25 * tokens, rank == 0 ? 0 : tokens, rank == 0 ? 0 : double(rank + l)});
  }
  report.memory_bytes = 1000 * (rank + 1);
  report.memory_by_purpose = {100, 200, 300, 400 + rank};
  report.executed_flops = 1e6 * double(rank + 1);
  report.energy_joules = synthetic_joules(step, rank);
  report.computed = {report.volumes, report.rows, report.rows_worst, report.peer_bytes};
  return report;
}

}  // namespace

std::int64_t synthetic_routed(std::int64_t step, std::int64_t layer, std::int64_t rank, std::int64_t expert) {
  return 3 + step + 2 * layer + 5 * rank + 7 * expert;
}
std::int64_t synthetic_processed(std::int64_t step, std::int64_t layer, std::int64_t rank, std::int64_t expert) {
  return synthetic_routed(step, layer, rank, expert) - (expert == 3 ? 1 : 0);
}

std::vector<std::int64_t> synthetic_choices(RunFileSetup const& setup, std::int64_t step, std::int64_t layer,
                                            std::int64_t token) {
  auto const experts = setup.config.model.num_experts;
  auto const number = is_ragged(setup.config) ? token % (experts + 1) : setup.config.model.top_k;
  std::vector<std::int64_t> chosen;
  for (std::int64_t c = 0; c < number; ++c)
    chosen.push_back((step + layer + token + c * (1 + token % 2 * (experts - 2))) % experts);
  return chosen;
}

RunFileSetup synthetic_setup(std::int64_t steps) {
  auto const config = synthetic_config(steps);
  Layout const layout(config.layout, 4);
  RunFileSetup setup{config, layout, traffic::collectives(config, layout), {}, {}, {}, {}, {}, {}};
  setup.domains = {"code", "prose"};
  setup.eval_steps = {0, steps};
  setup.hosts = {"alpha", "alpha", "beta", "beta"};
  setup.provenance = collect_provenance();
  setup.computation_key = "computation";
  setup.cell_key = "cell";
  setup.measured_peak_flops = 2e9;
  setup.energy = {{{"alpha:package-0", 0, 0}, {"alpha:package-0:dram", 0, 1}, {"beta:package-0", 2, 0}}, true, "no GPU"};
  return setup;
}

StepReport synthetic_step(RunFileSetup const& setup, std::int64_t step) {
  auto const block = std::size_t(setup.config.model.num_layers * setup.config.model.num_experts);
  auto const counts = processed(setup, step);
  StepReport report;
  report.step = step;
  report.tokens = 12;
  report.domain_tokens = {5, 7};
  report.loss_total = 4.5 - 0.0625 * double(step);
  report.loss_cross_entropy = 4.0 - 0.0625 * double(step);
  report.loss_terms = {0.1875, 0.0625, 0.09375, 0.03125};
  report.loss_balance = {0.25, 0.125};
  report.gate_importance.assign(block, 1.5);
  report.gate_load.assign(block, 2.5);
  report.gate_cv2 = {0.5, 0.75};
  for (std::int64_t i = 0; i < std::int64_t(block) * setup.config.model.num_experts; ++i) report.expert_pairs.push_back(step + i);
  if (setup.config.record.choices) report.choices = all_choices(setup, step);
  report.gradient_norm = 1 + double(step);
  report.learning_rate = 1e-3;
  for (std::int64_t rank = 0; rank < setup.layout.ranks(); ++rank) report.ranks.push_back(rank_report(setup, counts, step, rank));
  return report;
}

EvaluationReport synthetic_evaluation(RunFileSetup const& setup, std::int64_t at_step) {
  auto const counts = setup.domains.size() * std::size_t(setup.config.model.num_layers * setup.config.model.num_experts);
  EvaluationReport report;
  report.at_step = at_step;
  report.loss = {3.5 - 0.0625 * double(at_step), 3.25};
  report.payload_bytes.assign(std::size_t(setup.layout.ranks()) * setup.collectives.size(), 640 + at_step);
  report.expert_tokens.resize(counts);
  for (std::size_t i = 0; i < counts; ++i) report.expert_tokens[i] = at_step + std::int64_t(i);
  for (std::size_t i = 0; i < counts / 4; ++i) report.changed_tokens.push_back(at_step > 0 ? 1 + std::int64_t(i) : -1);
  return report;
}

TemporaryFolder::TemporaryFolder() {
  auto name = (std::filesystem::temp_directory_path() / "moescope-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string write_synthetic_run(std::string const& path, RunFileSetup const& setup, std::string const& status) {
  RunFile file(path, setup);
  file.write_evaluation(synthetic_evaluation(setup, 0));
  for (std::int64_t step = 0; step < setup.config.train.steps; ++step) file.write_step(synthetic_step(setup, step));
  file.write_evaluation(synthetic_evaluation(setup, setup.config.train.steps));
  file.finish(status, status == "complete" ? "" : "for a test");
  return file.path();
}

}  // namespace moescope::testing
