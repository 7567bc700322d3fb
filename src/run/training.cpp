#include "run/training.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "base/region.hpp"
#include "check/checked_step.hpp"
#include "check/replicas.hpp"
#include "check/twin.hpp"
#include "comm/arrivals.hpp"
#include "record/file_size.hpp"
#include "run/divergence.hpp"
#include "run/energy_sensors.hpp"
#include "run/evaluation.hpp"
#include "run/launch.hpp"
#include "run/next_commands.hpp"
#include "run/peak.hpp"
#include "run/program.hpp"

namespace moescope {

namespace {

constexpr std::int64_t peak_size = 1024;
constexpr int peak_windows = 15;

/// Evaluates on held-out text when the schedule says so.
template <class T>
class Evaluations {
 public:
  Evaluations(RunConfig const& config, DataSource const& data, std::int64_t first_step)
      : domains_(std::int64_t(data.domains().size())), due_(evaluation_steps(config)) {
    while (next_ < due_.size() && due_[next_] < first_step) ++next_;
    held_out_ = [&data, total = config.eval.sequences](std::int64_t domain, std::int64_t first, std::int64_t count) {
      return data.held_out(domain, first, count, total);
    };
  }
  void evaluate_if_due(Trainer<T>& trainer, std::int64_t steps_done, Recorder& recorder) {
    if (next_ == due_.size() || due_[next_] != steps_done) return;
    auto const report = evaluate<T>(ExecSpace(), trainer, held_out_, domains_, steps_done, choices_);
    recorder.write(report);
    end_if_diverged(divergence(report, trainer.config()), recorder);
    ++next_;
  }

 private:
  std::int64_t domains_;
  std::vector<std::int64_t> due_;
  std::size_t next_ = 0;
  HeldOutSource held_out_;
  HeldOutChoices choices_;
};

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

/// How a run ended; the error of one that failed is thrown.
enum class End { complete, wrong, stopped };

/// The steps that are left; ends early where a check fails or a signal asks to stop.
template <class T>
End run_steps(RunConfig const& config, TrainingOptions const& options, Trainer<T>& trainer, DataSource const& data,
              Checkpoints<T>& checkpoints, Recorder& recorder, int rank) {
  BatchSource const training = [&](std::int64_t first, std::int64_t count) { return data.training(first, count); };
  auto const domains = std::int64_t(data.domains().size()), first_step = options.first_step();
  Evaluations<T> evaluations(config, data, first_step);
  Progress progress(first_step, config.train.steps, progress_form(options.progress, rank), options.progress.seconds);
  for (auto step = first_step; step < config.train.steps; ++step) {
    evaluations.evaluate_if_due(trainer, step, recorder);
    auto const report = checked_step(trainer, training, step, domains);
    bool const right = recorder.write(report);
    progress.show(config, report);
    if (!right) return End::wrong;
    end_if_diverged(divergence(report, config), recorder);
    if (!checkpoints.save_if_due(trainer, step + 1, recorder)) return End::stopped;
  }
  evaluations.evaluate_if_due(trainer, config.train.steps, recorder);
  end_if_diverged(divergence(trainer, config.train.steps), recorder);
  auto const difference = replica_failure(trainer, 0, 1);
  return recorder.check(difference.empty() ? "" : "after the last step " + difference) ? End::complete : End::wrong;
}

void announce(Recorder const& recorder, End end, std::string const& checkpoints) {
  if (end == End::wrong) print_error(recorder.failure());
  auto const file = recorder.path();
  if (end == End::stopped) {
    std::printf("Run file, partial: %s\nNext: the same command with --resume %s\n", file.c_str(),
                shell_word(checkpoints).c_str());
    return;
  }
  std::printf("%s: %s\nNext:\n%s", end == End::wrong ? "Run file marked wrong" : "Run file", file.c_str(),
              next_commands(file, end == End::wrong).c_str());
}

template <class T>
RunFileSetup setup_of(RunConfig const& config, TrainingOptions const& options, Mesh& mesh, DataSource const& data) {
  auto setup = describe_launch(config, mesh, data, options.replayed);
  setup.overwrite = options.overwrite;
  if (options.resumption) {
    setup.continued = options.resumption->continuation();
    setup.provenance.emplace_back("resumed_from", options.resumption->folder);
  }
  setup.measured_peak_flops = measure_peak<T>(mesh.world(), peak_size, peak_windows);
  auto const clock = estimate_clock_offset(mesh.world());
  mesh.set_clock_offset(clock.offset);
  setup.clock_error = mesh.world().max(clock.error);
  return setup;
}

/// As rank 0 chooses it, who alone knows all that the run file holds.
std::int64_t steps_between_details(Communicator const& world, RunFileSetup const& setup) {
  return world.sum(world.rank() == 0 ? record::file_size(setup).detail_every : std::int64_t(0));
}

int finish(End end, Recorder& recorder, std::string const& checkpoints, int rank) {
  char const* const status[] = {"complete", "wrong", "stopped"};
  auto const reason = end == End::stopped ? "stopped by a signal, with a checkpoint in " + checkpoints : recorder.failure();
  recorder.finish(status[int(end)], reason);
  if (rank == 0) announce(recorder, end, checkpoints);
  return end == End::complete ? success : end == End::stopped ? stopped : failure;
}

}  // namespace

template <class T>
int train(RunConfig const& config, TrainingOptions const& options, Mesh& mesh, DataSource const& data) {
  std::optional<Trainer<T>> trainer;
  agreed(mesh.world(), [&] {
    trainer.emplace(config, mesh);
    if (options.replayed.routing) trainer->replay(options.replayed.routing);
    if (options.resumption) restore(*options.resumption, *trainer);
  });
  auto setup = setup_of<T>(config, options, mesh, data);
  trainer->set_energy_meter(find_energy_sensors(mesh.world(), setup));
  if (auto const notice = record::size_notice(setup); mesh.rank() == 0 && !notice.empty()) print_notice(notice);
  trainer->set_detail_every(steps_between_details(mesh.world(), setup));
  Recorder recorder(mesh.world(), setup, options.log);
  Checkpoints<T> checkpoints(config, mesh, options.signals, options.checkpoint_lock, setup.launch,
                             fingerprint_of_inputs(data.fingerprint(), options.replayed));
  auto const end = twin_is_right(config, mesh.world(), recorder)
                       ? run_steps<T>(config, options, *trainer, data, checkpoints, recorder, mesh.rank())
                       : End::wrong;
  if (end == End::complete)
    recorder.add_provenance("measured_peak_flops_after",
                            fmt::format("{}", measure_peak<T>(mesh.world(), peak_size, peak_windows)));
  checkpoints.report(recorder);
  return finish(end, recorder, checkpoints.folder(), mesh.rank());
}

#define MOESCOPE_INSTANTIATE(T) template int train<T>(RunConfig const&, TrainingOptions const&, Mesh&, DataSource const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
