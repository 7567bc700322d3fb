#pragma once
#include <memory>

#include "energy/energy_meter.hpp"
#include "gates/forced_routing.hpp"
#include "model/model.hpp"
#include "step/confidence.hpp"
#include "step/memory.hpp"
#include "step/micro_batches.hpp"
#include "step/optimizer.hpp"
#include "step/realised_losses.hpp"
#include "step/routing_counts.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// Runs training steps (or forward passes, train.mode = "forward") of one model on this rank and reports what it saw.
/// Every function is collective over the mesh.
template <class T>
class Trainer {
 public:
  /// Initial weights are a function of train.seed and the tensors' names alone.
  Trainer(RunConfig const& config, Mesh& mesh);

  /// What each step reads before it begins and when it has ended; without one its report holds no energy.
  void set_energy_meter(EnergyMeter meter) { energy_ = std::move(meter); }

  /// Steps between those that count what only a detail step stores: pairs of experts, choices of tokens.
  void set_detail_every(std::int64_t steps) { detail_every_ = steps; }
  /// What chooses in training where the configuration replays a file, which only the caller can read.
  void replay(std::shared_ptr<ForcedRouting const> routing) { forced_ = std::move(routing); }

  /// One step over sequences [step * batch.sequences, (step + 1) * batch.sequences) of the stream. The report holds what this
  /// rank saw; nothing of it is checked (check/checked_step.hpp) or gathered (step/gather_reports.hpp) yet.
  StepReport step(BatchSource const& source, std::int64_t step, std::int64_t num_domains);

  ForcedRouting const* forced() const { return forced_.get(); }
  Model<T>& model() { return model_; }
  TrainingState<T>& state() { return state_; }
  ModelTensors<T> const& weights() const { return weights_; }
  RunConfig const& config() const { return config_; }

 private:
  /// What the micro-steps decided, and what the routers thought of the last one's tokens.
  struct Decisions {
    std::vector<RoutingRecord> records;
    std::vector<KeptShares> shares;  ///< [M]
    std::vector<KeptScores<T>> last_scores;
  };
  Decisions run_micro_steps(std::vector<LoadedMicroBatch> const& batches, double labels, StepReport& report);
  void sum_losses(StepReport& report);
  void finish_gradients(StepReport& report);
  void count_decisions(Decisions const& decisions, std::vector<LoadedMicroBatch> const& batches, StepReport& report);
  std::vector<std::int64_t> owned_tokens(LoadedMicroBatch const& batch) const;

  AllocationWatch const allocations_;  // before the first View
  RunConfig const config_;
  Mesh& mesh_;
  ExchangeId const labels_, loss_, gate_statistics_, gate_choices_;
  GradientExchanges const gradient_exchanges_;
  EnergyMeter energy_;
  std::int64_t detail_every_ = 1;
  std::shared_ptr<ForcedRouting const> forced_;  ///< null: gates choose
  ExecSpace exec_;
  Model<T> model_;
  TrainingState<T> state_;
  ModelTensors<T> weights_;
  ModelTensors<Accumulate<T>> gradients_;
};

}  // namespace moescope
