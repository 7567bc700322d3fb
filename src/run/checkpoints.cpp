#include "run/checkpoints.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "base/region.hpp"
#include "files/real_path.hpp"
#include "run/divergence.hpp"

namespace moescope {

namespace fs = std::filesystem;

namespace {

template <class T>
TrainingBuffers<T> buffers_of(TrainingState<T> const& state, bool training) {
  TrainingBuffers<T> buffers{state.values, {}};
  if (training) buffers.moments = {{"first_moment.", state.first_moment}, {"second_moment.", state.second_moment}};
  return buffers;
}

/// Those that were written first, whatever their numbers: a run may have gone on from one before the newest.
void remove_old(std::string const& folder, std::int64_t keep) {
  auto const all = checkpoints_in(folder);
  std::error_code ignored;
  for (std::size_t i = 0; i + std::size_t(keep) < all.size(); ++i) fs::remove_all(all[i], ignored);
}

}  // namespace

std::string checkpoint_folder(RunConfig const& config) {
  return config.checkpoint.path.empty() ? config.record.path + ".checkpoints" : config.checkpoint.path;
}

Continuation Resumption::continuation() const {
  auto const run_file = real_path(fs::path(folder) / index.run_file);
  return {index.steps, index.launch, run_file.lexically_proximate(fs::current_path()).string()};
}

Resumption find_resumption(std::string const& path, RunConfig const& config, std::string const& data_fingerprint) {
  Resumption found{find_checkpoint(path), {}};
  found.index = read_checkpoint_index(found.folder);
  auto const file = index_path(found.folder);
  if (auto const different = differing_numbers(config, found.index.configuration, file); !different.empty())
    throw UserError(
        fmt::format("{}: was written with {} = {}, this run has {}; a resumed run may change its length, layout and "
                    "whatever decides no numbers, nothing else",
                    file, different[0].key, different[0].before, different[0].now));
  if (found.index.data_fingerprint != data_fingerprint)
    throw UserError(fmt::format("{}: was written by a run on other data than those in {}", file, config.data.path));
  if (found.index.steps > config.train.steps)  // equal: the launch before may have ended between its last step and its end
    throw UserError(
        fmt::format("{}: was written after {} steps, and train.steps = {}", file, found.index.steps, config.train.steps));
  return found;
}

Lock lock_checkpoint_folder(RunConfig const& config) {
  return {fs::path(checkpoint_folder(config) + "/").parent_path().string(),
          "give this one a folder of its own with checkpoint.path"};
}

void prepare_checkpoint_folder(RunConfig const& config, bool overwrite) {
  auto const folder = checkpoint_folder(config);
  if (checkpoints_in(folder).empty()) return;
  if (!overwrite)
    throw UserError(
        fmt::format("{} holds checkpoints of an earlier run: go on from them with --resume {}, or remove them with "
                    "--overwrite",
                    folder, folder));
  std::error_code error;
  for (auto const& checkpoint : checkpoints_in(folder)) fs::remove_all(checkpoint, error);
  if (error) throw UserError(fmt::format("{}: cannot be removed: {}", folder, error.message()));
}

template <class T>
void restore(Resumption const& resumption, Trainer<T>& trainer) {
  auto& state = trainer.state();
  bool const training = trainer.config().train.mode == "train";
  auto const& mesh = trainer.model().mesh();
  check_shards(resumption.folder, resumption.index, mesh.rank(), mesh.layout().ranks());
  restore_checkpoint<T>(resumption.folder, resumption.index, state.table, buffers_of(state, training));
  state.updates = resumption.index.updates;
}

template <class T>
Checkpoints<T>::Checkpoints(RunConfig const& config, Mesh const& mesh, Signals const& signals, Lock const* lock,
                            std::string launch, std::string data_fingerprint)
    : config_(config), mesh_(mesh), signals_(signals), lock_(lock), folder_(checkpoint_folder(config)) {
  index_.launch = std::move(launch);
  index_.data_fingerprint = std::move(data_fingerprint);
  index_.configuration = to_json(config);
  auto const from = real_path(fs::path(folder_) / checkpoint_name(0));  // either may lie behind a symbolic link
  index_.run_file = real_path(config.record.path).lexically_relative(from).string();
}

template <class T>
bool Checkpoints<T>::save_if_due(Trainer<T>& trainer, std::int64_t steps_done, Recorder& recorder) {
  if (lock_ != nullptr) lock_->refresh();
  auto const asked = Request(int(mesh_.world().max(double(signals_.take()))));
  if (asked != Request::none) recorder.tell_of_signal(steps_done, asked);
  auto const every = config_.checkpoint.every;
  if (asked != Request::none || (every > 0 && steps_done % every == 0)) save(trainer, steps_done, recorder);
  return asked != Request::stop || steps_done == config_.train.steps;
}

template <class T>
void Checkpoints<T>::save(Trainer<T>& trainer, std::int64_t steps_done, Recorder& recorder) {
  auto const begin = now();
  end_if_diverged(divergence(trainer, steps_done), recorder);  // whatever the checkpoints before are, they are numbers
  recorder.synchronise();
  auto const& state = trainer.state();
  bool const root = mesh_.rank() == 0;
  index_.steps = steps_done;
  index_.updates = state.updates;
  if (root && index_.tensors.empty()) index_.tensors = pieces_of(config_.model, mesh_.layout());
  auto const checkpoint = (fs::path(folder_) / checkpoint_name(steps_done)).string();
  save_checkpoint<T>(mesh_.world(), checkpoint, index_, state.table, buffers_of(state, config_.train.mode == "train"));
  if (root) remove_old(folder_, config_.checkpoint.keep);
  recorder.tell_of_checkpoint(steps_done, checkpoint);
  ++written_;
  seconds_ += now() - begin;
}

template <class T>
void Checkpoints<T>::report(Recorder& recorder) const {
  if (written_ == 0) return;
  recorder.add_provenance("checkpoints", fmt::format("{}", written_));
  recorder.add_provenance("checkpoint_seconds", fmt::format("{:.3g}", seconds_));
}

#define MOESCOPE_INSTANTIATE(T)                             \
  template void restore<T>(Resumption const&, Trainer<T>&); \
  template class Checkpoints<T>;
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
