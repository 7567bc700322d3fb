#pragma once
#include "comm/mesh.hpp"
#include "model/model.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// Sizes what the routers report: loss_terms, loss_balance, gate_importance, gate_load, gate_cv2.
void make_room_for_gate_statistics(ModelConfig const& model, StepReport& report);

/// [A] whether a rank brings the pools of each loss to the sum over ranks.
std::vector<bool> counted_losses(RunConfig const& config, Layout const& layout, std::int64_t rank);

/// Adds one micro-step's share of what the routers report, of the losses that are counted.
template <class T>
void add_gate_statistics(Activations<T> const& activations, std::vector<bool> const& counted, StepReport& report);

/// Over the dp coordinates, where each of them knows its own pools of some loss; else nothing is exchanged.
void sum_gate_statistics(Mesh& mesh, ExchangeId const& exchange, RunConfig const& config, StepReport& report);

}  // namespace moescope
