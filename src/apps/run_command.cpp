#include "apps/run_command.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "comm/watchdog.hpp"
#include "record/file_size.hpp"
#include "run/binding.hpp"
#include "run/dry_run.hpp"
#include "run/energy_sensors.hpp"
#include "run/evaluation.hpp"
#include "run/launch.hpp"
#include "run/notices.hpp"
#include "run/program.hpp"
#include "run/training.hpp"

namespace moescope {

namespace {

constexpr std::int64_t longest_progress_seconds = std::int64_t{365} * 24 * 3600;

struct RunOptions {
  std::string config;
  std::vector<std::string> set;
  std::string out, resume, log;
  ProgressChoice progress;
  bool dry_run = false, json = false, overwrite = false;
};

RunConfig load(RunOptions const& options) {
  auto config = load_run_config(options.config, options.set);
  if (!options.out.empty()) config.record.path = options.out;
  refuse_tilde(options.out.empty() ? "record.path" : "--out", config.record.path);
  refuse_tilde("checkpoint.path", config.checkpoint.path);
  refuse_tilde("--log", options.log);
  return config;
}

void print_notices(RunConfig const& config) {
  for (auto const& sentence : notices(config)) print_notice(sentence);
}

/// If they are there already; a dry run does not need them.
std::unique_ptr<DataSource const> packed_data(RunConfig const& config) {
  if (!is_packed_folder(config.data.path)) return nullptr;
  return std::make_unique<DataSource const>(config.data, config.batch.sequence_length, config.train.seed,
                                            config.model.vocab_size);
}

/// One domain where neither data nor weights say how many there are.
RunFileSetup planned_run_file(RunConfig const& config, Layout const& layout, DataSource const* data) {
  RunFileSetup setup{config, layout, traffic::collectives(config, layout), {"data"}, evaluation_steps(config)};
  if (data) setup.domains = data->domains();
  if (!data && !config.data.weights.empty()) setup.domains.assign(config.data.weights.size(), "data");
  setup.energy.sensors = energy_sensors_here();
  return setup;
}

int dry_run(RunOptions const& options) {
  auto config = load(options);
  bool const given = config.layout.ranks > 0;
  auto const layout = launch_layout(config, given ? config.layout.ranks : fewest_ranks(config.layout));
  auto const data = packed_data(config);
  auto const run_file = planned_run_file(config, layout, data.get());
  auto const size = record::file_size(run_file);
  auto const replayed = read_replayed_routing(config);
  auto const forced = replayed.routing ? replayed.routing : make_forced_routing(config);
  // As if all its ranks were on this machine.
  LaunchFacts const launch{.threads = threads_per_rank(layout.ranks(), std::int64_t(cores_of_process().size())),
                           .build = build_identification(),
                           .data_fingerprint = fingerprint_of_inputs(data ? data->fingerprint() : "", replayed),
                           .fewest_ranks = !given,
                           .run_file_bytes = size.bytes,
                           .detail_every = size.detail_every,
                           .run_file_notice = record::size_notice(run_file),
                           .forced = forced.get()};
  auto const text = options.json ? dry_run_json(config, layout, launch) : dry_run_text(config, layout, launch);
  std::fputs(text.c_str(), stdout);
  print_notices(config);
  return success;
}

int run(RunOptions const& options, Signals const& signals, Communicator const& world) {
  RunConfig config;
  std::optional<Layout> layout;
  std::optional<DataSource> data;
  ReplayedRouting replayed;
  agreed(world, [&] {
    config = load(options);
    layout = launch_layout(config, world.size());
  });
  Watchdog const watchdog(world, config.train.watchdog_seconds);
  agreed(world, [&] {
    data.emplace(config.data, config.batch.sequence_length, config.train.seed, config.model.vocab_size);
    if (config.eval.every > 0) data->require_held_out();
    replayed = read_replayed_routing(config);
  });
  auto const inputs = fingerprint_of_inputs(data->fingerprint(), replayed);
  require_same_everywhere(world, cell_key(config, 0, "", inputs), "the configuration, the packed data or the replayed file");
  if (world.rank() == 0) print_notices(config);
  std::optional<Resumption> resumption;
  std::optional<Lock> lock;
  std::optional<EventLog> log;
  agreed(world, [&] {
    if (!options.log.empty() && world.rank() == 0) log.emplace(options.log, config.record.path);
    if (world.rank() == 0) lock.emplace(lock_checkpoint_folder(config));
    if (!options.resume.empty()) resumption = find_resumption(options.resume, config, inputs);
    if (options.resume.empty() && world.rank() == 0) prepare_checkpoint_folder(config, options.overwrite);
  });
  Mesh mesh(world, *layout, traffic::collectives(config, *layout));
  TrainingOptions const training{signals,
                                 options.progress,
                                 lock ? &*lock : nullptr,
                                 options.overwrite,
                                 std::move(resumption),
                                 log ? &*log : nullptr,
                                 std::move(replayed)};
  return with_scalar(config.train.dtype, [&]<class T>(std::type_identity<T>) { return train<T>(config, training, mesh, *data); });
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  auto const options = std::make_shared<RunOptions>();
  auto* command = app.add_subcommand("run", "Train (or only run forward) the model of a configuration and record what it cost");
  command->footer(
      "Several ranks: mpirun -n 4 moescope run CONFIG --set layout.tp=2 --set layout.ep=2\n"
      "After a kill, a stop or a time limit: moescope run CONFIG --resume RUN_FILE.checkpoints   (see [checkpoint])\n"
      "Threads: OMP_NUM_THREADS for each rank; unset, the node's cores are shared among its ranks.\n"
      "Look before: moescope run CONFIG --dry-run --set layout.ranks=64   (needs no launcher)");
  command->add_option("config", options->config, "TOML file; experiments/first_run/base.toml explains every key")->required();
  command->add_option("--set", options->set, "Override one key, e.g. --set gate.kind=switch (repeatable)")
      ->allow_extra_args(false);
  auto const not_empty = [](std::string const& path) { return path.empty() ? "must not be empty" : ""; };
  command->add_option("--out", options->out, "Run file to write; overrides record.path")->check(not_empty);
  command->add_flag("--overwrite", options->overwrite, "Replace an existing run file, and remove its checkpoints");
  auto* const dry =
      command->add_flag("--dry-run", options->dry_run, "Print layout, parameters, memory, bytes per step and keys; run nothing");
  command->add_option("--resume", options->resume, "Checkpoint to go on from, or a folder of them: the newest")->excludes(dry);
  command->add_option("--log", options->log, "File to add a line of JSON to for each step and event (MLPerf's key names)")
      ->check(not_empty)
      ->excludes(dry);
  command->add_flag("--json", options->json, "With --dry-run: the same as JSON")->needs(dry);
  command
      ->add_option("--progress", options->progress.choice,
                   "Status line on stderr (auto: where that is a terminal), or lines, for the log of a batch job")
      ->check(CLI::IsMember({"auto", "always", "never", "lines"}));
  auto* const seconds = command
                            ->add_option("--progress-seconds", options->progress.seconds,
                                         "With --progress lines: seconds between them (default 30; 0: a line for each step)")
                            ->check(CLI::Range(std::int64_t{0}, longest_progress_seconds));
  command->callback([options, seconds, &exit_code] {
    if (seconds->count() > 0 && options->progress.choice != "lines")
      throw CLI::RequiresError("--progress-seconds", "--progress lines");
    if (options->dry_run) {
      exit_code = dry_run(*options);
      return;
    }
    Signals const signals;  // from now on: one that comes before the first step is answered after it
    exit_code = run_parallel([&](Communicator const& world) { return run(*options, signals, world); });
  });
}

}  // namespace moescope
