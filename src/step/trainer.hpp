#pragma once
#include <memory>

#include "model/model.hpp"
#include "step/micro_batches.hpp"
#include "step/optimizer.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// Runs training steps (or forward passes, train.mode = "forward") of one model on this rank and reports what it saw.
/// Every function is collective over the mesh.
template <class T>
class Trainer {
 public:
  /// Initial weights are a function of train.seed and the tensors' names alone.
  Trainer(RunConfig const& config, Mesh& mesh);

  /// One step over sequences [step * batch.sequences, (step + 1) * batch.sequences) of the stream. On rank 0 the report holds
  /// every rank's; elsewhere `ranks` is empty.
  StepReport step(BatchSource const& source, std::int64_t step, std::int64_t num_domains);

  /// Compares every parameter between the ranks that hold copies of it; a step compares a tenth, another one each time. A
  /// sentence on rank 0 where copies differ. To be called between steps: its exchange belongs to none.
  std::string replica_difference();

  Model<T>& model() { return model_; }
  TrainingState<T>& state() { return state_; }
  ModelTensors<T> const& weights() const { return weights_; }
  RunConfig const& config() const { return config_; }

 private:
  void run_micro_steps(std::vector<LoadedMicroBatch> const& batches, double labels, StepReport& report, RankReport& rank_report);
  void finish_gradients(StepReport& report);

  RunConfig const config_;
  Mesh& mesh_;
  ExchangeId const labels_, loss_;
  GradientExchanges const gradient_exchanges_;
  ExecSpace exec_;
  Model<T> model_;
  TrainingState<T> state_;
  ModelTensors<T> weights_;
  ModelTensors<Accumulate<T>> gradients_;
};

}  // namespace moescope
