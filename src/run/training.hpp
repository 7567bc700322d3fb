#pragma once
#include <optional>
#include <string>

#include "comm/mesh.hpp"
#include "config/run_config.hpp"
#include "data/data_source.hpp"
#include "run/checkpoints.hpp"
#include "run/progress.hpp"
#include "run/replayed_routing.hpp"

namespace moescope {

struct TrainingOptions {
  Signals const& signals;
  ProgressChoice progress;
  Lock const* checkpoint_lock;  ///< on the rank that has it
  bool overwrite = false;
  std::optional<Resumption> resumption;
  EventLog* log = nullptr;  ///< on rank 0, if wanted
  ReplayedRouting replayed{};

  std::int64_t first_step() const { return resumption ? resumption->index.steps : 0; }
};

/// One launch: its steps, evaluations, checkpoints and checks, recorded in config.record.path. Returns the program's exit code.
/// Collective.
template <class T>
int train(RunConfig const& config, TrainingOptions const& options, Mesh& mesh, DataSource const& data);

}  // namespace moescope
