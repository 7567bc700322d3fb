#pragma once
#include "model/model.hpp"
#include "step/routing_counts.hpp"

namespace moescope {

/// Tells every gate what it learns once a step: the choices of the tokens on all ranks, and the means over pools. Collective over
/// the stage.
template <class T>
void update_gates(ExecSpace const& exec, Mesh& mesh, ExchangeId const& exchange, RunConfig const& config,
                  std::vector<RoutingRecord> const& records, Gate<T> const& gate, ModelTensors<T> const& weights);

}  // namespace moescope
