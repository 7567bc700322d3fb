#pragma once
#include "config/gate_kinds.hpp"

namespace moescope::test {

/// Gives the losses that a model's gate was published with this weight.
inline void weigh_losses(ModelConfig& model, double weight) {
  model.gate.loss.emplace();
  for (auto const& own : gate_kind(model).losses) model.gate.loss->push_back({std::string(own.kind), weight, ""});
}

}  // namespace moescope::test
