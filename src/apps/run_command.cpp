#include "apps/run_command.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "apps/command.hpp"
#include "apps/dry_run.hpp"
#include "apps/launch.hpp"
#include "apps/progress.hpp"
#include "step/evaluation.hpp"

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

/// Threads that each rank of a launch with this environment would use; 1 where it does not say.
std::int64_t planned_threads() {
  auto const* given = std::getenv("OMP_NUM_THREADS");
  return given ? std::max(1, std::atoi(given)) : 1;
}

/// Of the packed data if it is there already; a dry run does not need it.
std::string data_fingerprint(RunConfig const& config) {
  if (!is_packed_folder(config.data.path)) return "";
  return DataSource(config.data, config.batch.sequence_length, config.train.seed, config.model.vocab_size).fingerprint();
}

int dry_run(RunOptions const& options) {
  auto config = load(options);
  auto const layout = launch_layout(config, config.layout.ranks > 0 ? config.layout.ranks : 1);
  LaunchFacts const launch{planned_threads(), build_identification(), data_fingerprint(config)};
  auto const text = options.json ? dry_run_json(config, layout, launch) : dry_run_text(config, layout, launch);
  std::fputs(text.c_str(), stdout);
  return success;
}

/// The run file on rank 0, whose failures every rank learns of.
class Recorder {
 public:
  Recorder(Communicator const& world, RunFileSetup const& setup) : world_(world) {
    agreed(world_, [&] {
      if (world_.rank() == 0) file_.emplace(setup.config.record.path, setup);
    });
  }

  /// False when what was counted differs from what was computed.
  bool write(StepReport const& report) {
    on_root([&] { file_->write_step(report); });
    return world_.sum(std::int64_t(world_.rank() == 0 && !file_->mismatch().empty())) == 0;
  }
  void write(EvaluationReport const& report) {
    on_root([&] { file_->write_evaluation(report); });
  }
  void finish(std::string const& status, std::string const& reason) {
    on_root([&] { file_->finish(status, reason); });
  }
  std::string path() const { return file_ ? file_->path() : ""; }
  std::string mismatch() const { return file_ ? file_->mismatch() : ""; }

 private:
  template <class Action>
  void on_root(Action&& action) {
    agreed(world_, [&] {
      if (world_.rank() == 0) action();
    });
  }
  Communicator const world_;
  std::optional<RunFile> file_;
};

template <class T>
int train(RunConfig const& config, RunOptions const& options, Mesh& mesh, DataSource const& data) {
  std::optional<Trainer<T>> trainer;
  agreed(mesh.world(), [&] { trainer.emplace(config, mesh); });
  auto setup = describe_launch(config, mesh, data);
  setup.overwrite = options.overwrite;
  setup.measured_peak_flops = measure_peak<T>(mesh);
  Recorder recorder(mesh.world(), setup);

  auto const domains = std::int64_t(data.domains().size());
  BatchSource const training = [&](std::int64_t first, std::int64_t count) { return data.training(first, count); };
  HeldOutSource const held_out = [&](std::int64_t domain, std::int64_t first, std::int64_t count) {
    return data.held_out(domain, first, count, config.eval.sequences);
  };
  auto const eval_steps = evaluation_steps(config);
  auto next_eval = eval_steps.begin();
  auto const evaluate_if_due = [&](std::int64_t steps_done) {
    if (next_eval == eval_steps.end() || *next_eval != steps_done) return;
    recorder.write(evaluate<T>(ExecSpace(), *trainer, held_out, domains, steps_done));
    ++next_eval;
  };

  Progress progress(config.train.steps, progress_shown(options.progress, mesh.rank()));
  bool right = true;
  for (std::int64_t step = 0; step < config.train.steps && right; ++step) {
    evaluate_if_due(step);
    auto const report = trainer->step(training, step, domains);
    right = recorder.write(report);
    if (mesh.rank() == 0) progress.show(report, config.model.num_experts);
  }
  if (right) evaluate_if_due(config.train.steps);
  progress.finish();
  recorder.finish(right ? "complete" : "wrong", recorder.mismatch());
  if (mesh.rank() == 0 && !right) std::fprintf(stderr, "moescope: %s\n", recorder.mismatch().c_str());
  if (mesh.rank() == 0) {
    std::printf("%s: %s\nNext: moescope inspect %s, or draw it: /usr/bin/python3 analysis/figures.py %s\n",
                right ? "Run file" : "Run file marked wrong", recorder.path().c_str(), recorder.path().c_str(),
                recorder.path().c_str());
  }
  return right ? success : failure;
}

int run(RunOptions const& options, Communicator const& world) {
  RunConfig config;
  std::optional<Layout> layout;
  std::optional<DataSource> data;
  agreed(world, [&] {
    config = load(options);
    layout = launch_layout(config, world.size());
    data.emplace(config.data, config.batch.sequence_length, config.train.seed, config.model.vocab_size);
    if (config.eval.every > 0) data->require_held_out();
  });
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
  command->add_option("--out", options->out, "Run file to write; overrides record.path");
  command->add_flag("--overwrite", options->overwrite, "Replace an existing run file");
  command->add_flag("--dry-run", options->dry_run, "Print layout, parameters, memory, bytes per step and keys; run nothing");
  command->add_flag("--json", options->json, "With --dry-run: the same as JSON");
  command->add_option("--progress", options->progress, "Status line on stderr")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  command->callback([options, &exit_code] {
    exit_code =
        options->dry_run ? dry_run(*options) : run_parallel([&](Communicator const& world) { return run(*options, world); });
  });
}

}  // namespace moescope
