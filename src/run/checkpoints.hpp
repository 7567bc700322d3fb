#pragma once
#include <optional>
#include <string>

#include "checkpoint/training_state.hpp"
#include "files/lock.hpp"
#include "run/recorder.hpp"
#include "run/signals.hpp"
#include "step/trainer.hpp"

namespace moescope {

/// Folder of the run's checkpoints: checkpoint.path, or the run file's path with ".checkpoints" appended.
std::string checkpoint_folder(RunConfig const& config);

/// The checkpoint that a launch goes on from, and what it says.
struct Resumption {
  std::string folder;
  CheckpointIndex index;
  Continuation continuation() const;
};
/// Finds it at `path` (see find_checkpoint) and checks that this run may go on from it. Throws UserError where it may not.
Resumption find_resumption(std::string const& path, RunConfig const& config, std::string const& data_fingerprint);
/// The folder belongs to one run while it lives. Throws UserError naming the other one. For one rank.
[[nodiscard]] Lock lock_checkpoint_folder(RunConfig const& config);
/// A run from the start refuses a folder that holds checkpoints, unless `overwrite`, which removes them. For one rank.
void prepare_checkpoint_folder(RunConfig const& config, bool overwrite);

/// Parameters and moments of this rank, and the number of updates, as the checkpoint has them. Throws UserError where a shard is
/// damaged; every rank must then learn of it, for each looks at its share of them. Not collective.
template <class T>
void restore(Resumption const& resumption, Trainer<T>& trainer);

/// Writes the checkpoints of a run: on schedule, and when a signal asks. Every function is collective.
template <class T>
class Checkpoints {
 public:
  /// `lock`: of the folder, on the rank that has it.
  Checkpoints(RunConfig const& config, Mesh const& mesh, Signals const& signals, Lock const* lock, std::string launch,
              std::string data_fingerprint);

  /// After step number `steps_done` was recorded. False where a signal asks to stop with steps left; the checkpoint is written
  /// then.
  bool save_if_due(Trainer<T>& trainer, std::int64_t steps_done, Recorder& recorder);
  /// How many were written, and the seconds it took, into the provenance; nothing where none was.
  void report(Recorder& recorder) const;
  std::string folder() const { return folder_; }

 private:
  void save(Trainer<T>& trainer, std::int64_t steps_done, Recorder& recorder);

  RunConfig const& config_;
  Mesh const& mesh_;
  Signals const& signals_;
  Lock const* lock_;
  std::string folder_;
  CheckpointIndex index_;
  std::int64_t written_ = 0;
  double seconds_ = 0;
};

}  // namespace moescope
