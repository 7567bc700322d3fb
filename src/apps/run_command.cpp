#include "apps/run_command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include "apps/command.hpp"
#include "apps/dry_run.hpp"
#include "apps/launch.hpp"
#include "apps/progress.hpp"
#include "apps/recorder.hpp"
#include "base/region.hpp"
#include "comm/arrivals.hpp"
#include "comm/watchdog.hpp"
#include "step/evaluation.hpp"
#include "step/twin.hpp"

namespace moescope {

namespace {

struct RunOptions {
  std::string config;
  std::vector<std::string> set;
  std::string out;
  std::string progress = "auto";
  bool dry_run = false, json = false, overwrite = false;
};

RunConfig load(RunOptions const& options) {
  auto config = load_run_config(options.config, options.set);
  if (!options.out.empty()) config.record.path = options.out;
  return config;
}

/// Of the packed data if it is there already; a dry run does not need it.
std::string data_fingerprint(RunConfig const& config) {
  if (!is_packed_folder(config.data.path)) return "";
  return DataSource(config.data, config.batch.sequence_length, config.train.seed, config.model.vocab_size).fingerprint();
}

int dry_run(RunOptions const& options) {
  auto config = load(options);
  auto const layout = launch_layout(config, config.layout.ranks > 0 ? config.layout.ranks : 1);
  // As if all its ranks were on this machine.
  LaunchFacts const launch{threads_per_rank(layout.ranks()), build_identification(), data_fingerprint(config)};
  auto const text = options.json ? dry_run_json(config, layout, launch) : dry_run_text(config, layout, launch);
  std::fputs(text.c_str(), stdout);
  return success;
}

/// Evaluates on held-out text when the schedule says so.
template <class T>
class Evaluations {
 public:
  Evaluations(RunConfig const& config, DataSource const& data)
      : domains_(std::int64_t(data.domains().size())), due_(evaluation_steps(config)) {
    held_out_ = [&data, total = config.eval.sequences](std::int64_t domain, std::int64_t first, std::int64_t count) {
      return data.held_out(domain, first, count, total);
    };
  }
  void evaluate_if_due(Trainer<T>& trainer, std::int64_t steps_done, Recorder& recorder) {
    if (next_ == due_.size() || due_[next_] != steps_done) return;
    recorder.write(evaluate<T>(ExecSpace(), trainer, held_out_, domains_, steps_done));
    ++next_;
  }

 private:
  std::int64_t domains_;
  std::vector<std::int64_t> due_;
  std::size_t next_ = 0;
  HeldOutSource held_out_;
};

/// A sentence where a step's loss or gradient is no longer a number; the same on every rank. Empty while all is well.
std::string divergence(StepReport const& report, RunConfig const& config) {
  bool const gradient_counts = config.train.mode == "train";
  if (std::isfinite(report.loss_total) && (!gradient_counts || std::isfinite(report.gradient_norm))) return "";
  return fmt::format(
      "the training diverged: loss {} and gradient norm {} in step {}; a smaller optimizer.learning_rate (now {}), or "
      "clipping by optimizer.clip_norm (now {}), may help",
      report.loss_total, report.gradient_norm, report.step, config.optimizer.learning_rate, config.optimizer.clip_norm);
}

/// The twin of a run on several ranks, before its first step.
bool twin_is_right(RunConfig const& config, Communicator const& world, Recorder& recorder) {
  if (world.size() == 1) return true;
  auto const begin = now();
  auto const found = twin_deviation(world, config);
  recorder.add_provenance("twin_difference", fmt::format("{:.3g}", found.largest));
  recorder.add_provenance("twin_difference_of", found.where);
  recorder.add_provenance("twin_seconds", fmt::format("{:.3g}", now() - begin));
  return recorder.check(found.sentence());
}

/// All steps; stops early, and returns false, where a check fails.
template <class T>
bool run_steps(RunConfig const& config, RunOptions const& options, Trainer<T>& trainer, DataSource const& data,
               Recorder& recorder, int rank) {
  BatchSource const training = [&](std::int64_t first, std::int64_t count) { return data.training(first, count); };
  auto const domains = std::int64_t(data.domains().size());
  Evaluations<T> evaluations(config, data);
  Progress progress(config.train.steps, progress_shown(options.progress, rank));
  for (std::int64_t step = 0; step < config.train.steps; ++step) {
    evaluations.evaluate_if_due(trainer, step, recorder);
    auto const report = trainer.step(training, step, domains);
    if (!recorder.write(report)) return false;
    if (auto const reason = divergence(report, config); !reason.empty()) {
      recorder.finish("failed", reason);
      throw AgreedError(reason);
    }
    if (rank == 0) progress.show(report, config.model.num_experts);
  }
  evaluations.evaluate_if_due(trainer, config.train.steps, recorder);
  return recorder.check(trainer.replica_difference());
}

void announce(Recorder const& recorder, bool right) {
  if (!right) print_error(recorder.failure());
  auto const file = recorder.path();
  std::printf("%s: %s\nNext: moescope inspect %s, or draw it: /usr/bin/python3 analysis/figures.py %s\n",
              right ? "Run file" : "Run file marked wrong", file.c_str(), file.c_str(), file.c_str());
}

template <class T>
int train(RunConfig const& config, RunOptions const& options, Mesh& mesh, DataSource const& data) {
  std::optional<Trainer<T>> trainer;
  agreed(mesh.world(), [&] { trainer.emplace(config, mesh); });
  auto setup = describe_launch(config, mesh, data);
  setup.overwrite = options.overwrite;
  setup.measured_peak_flops = measure_peak<T>(mesh);
  auto const clock = estimate_clock_offset(mesh.world());
  mesh.set_clock_offset(clock.offset);
  setup.clock_error = mesh.world().max(clock.error);
  Recorder recorder(mesh.world(), setup);
  bool const right =
      twin_is_right(config, mesh.world(), recorder) && run_steps<T>(config, options, *trainer, data, recorder, mesh.rank());
  if (right) recorder.add_provenance("measured_peak_flops_after", fmt::format("{}", measure_peak<T>(mesh)));
  recorder.finish(right ? "complete" : "wrong", recorder.failure());
  if (mesh.rank() == 0) announce(recorder, right);
  return right ? success : failure;
}

/// Each node may read files of its own.
void require_same_everywhere(RunConfig const& config, DataSource const& data, Communicator const& world) {
  auto const keys = world.gather(cell_key(config, 0, "", data.fingerprint()), 0);
  agreed(world, [&] {
    auto const differs = [&](std::string const& key) { return key != keys.front(); };
    auto const found = std::find_if(keys.begin(), keys.end(), differs);
    if (found != keys.end())
      throw UserError(
          fmt::format("the configuration or the packed data of rank {} differs from that of rank 0; give all ranks "
                      "the same files and arguments",
                      found - keys.begin()));
  });
}

int run(RunOptions const& options, Communicator const& world) {
  RunConfig config;
  std::optional<Layout> layout;
  std::optional<DataSource> data;
  agreed(world, [&] {
    config = load(options);
    layout = launch_layout(config, world.size());
  });
  Watchdog const watchdog(world, config.train.watchdog_seconds);
  agreed(world, [&] {
    data.emplace(config.data, config.batch.sequence_length, config.train.seed, config.model.vocab_size);
    if (config.eval.every > 0) data->require_held_out();
  });
  require_same_everywhere(config, *data, world);
  Mesh mesh(world, *layout, traffic::collectives(config, *layout));
  return config.train.dtype == DType::float64 ? train<double>(config, options, mesh, *data)
                                              : train<float>(config, options, mesh, *data);
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  auto const options = std::make_shared<RunOptions>();
  auto* command = app.add_subcommand("run", "Train (or only run forward) the model of a configuration and record what it cost");
  command->footer(
      "Several ranks: mpirun -n 4 moescope run CONFIG --set layout.tp=2 --set layout.ep=2\n"
      "Threads: OMP_NUM_THREADS for each rank; unset, the node's cores are shared among its ranks.\n"
      "Look before: moescope run CONFIG --dry-run --set layout.ranks=64   (needs no launcher)");
  command->add_option("config", options->config, "TOML file; experiments/first_run/base.toml explains every key")->required();
  command->add_option("--set", options->set, "Override one key, e.g. --set gate.kind=switch (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--out", options->out, "Run file to write; overrides record.path")->check([](std::string const& path) {
    return path.empty() ? "must not be empty" : "";
  });
  command->add_flag("--overwrite", options->overwrite, "Replace an existing run file");
  auto* const dry =
      command->add_flag("--dry-run", options->dry_run, "Print layout, parameters, memory, bytes per step and keys; run nothing");
  command->add_flag("--json", options->json, "With --dry-run: the same as JSON")->needs(dry);
  command->add_option("--progress", options->progress, "Status line on stderr")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  command->callback([options, &exit_code] {
    exit_code =
        options->dry_run ? dry_run(*options) : run_parallel([&](Communicator const& world) { return run(*options, world); });
  });
}

}  // namespace moescope
