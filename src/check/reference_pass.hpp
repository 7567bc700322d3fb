#pragma once
#include <string>
#include <vector>

#include "checkpoint/fixture.hpp"
#include "comm/mesh.hpp"
#include "config/run_config.hpp"
#include "model/model.hpp"
#include "step/micro_batches.hpp"
#include "step/optimizer.hpp"

namespace moescope {

/// Configuration that computes what the reference did: its batch is one micro-batch and one pool, for the reference takes
/// its statistics over all tokens it is given. Throws UserError for a refused override.
RunConfig reference_config(Fixture const& fixture, std::vector<std::string> const& overrides);

/// Gradients are computed where the fixture has some, whatever mode it was recorded in.
traffic::Passes reference_passes(Fixture const& fixture);

/// A fixture's parameters, batch and noise on this rank, ready to run in double. Keeps references to its arguments.
struct ReferencePass {
  Fixture const& fixture;
  RunConfig const& config;
  Mesh& mesh;
  ExecSpace exec;
  Model<double> model;
  TrainingState<double> state;
  ModelTensors<double> weights;
  LoadedMicroBatch batch;
  std::vector<InjectedNoise> noise;  ///< of each layer
  /// Forward. Adds all gradients.
  Pass pass() const;

  /// Throws UserError where model.safetensors does not fit the model.
  ReferencePass(Fixture const& fixture, RunConfig const& config, Mesh& mesh);
};

}  // namespace moescope
