#pragma once
#include <vector>

#include "checkpoint/router_fixture.hpp"

namespace moescope {

/// What a recorded layer's experts make of their tokens.
struct ExpertsOutcome {
  std::vector<double> output;            ///< [N,H] sum over the choices
  std::vector<double> d_weight;          ///< [N,E] gradient of what an output, or input, is multiplied with; 0 without a choice
  std::vector<ExpertTensors> gradients;  ///< [E]
};
/// chosen, weight [N,E]: kept choices and what each is weighed with. Gradients are from `layer.d_output`, where it is recorded.
ExpertsOutcome run_experts(RouterFixture const& fixture, RouterFixtureLayer const& layer, std::vector<double> const& chosen,
                           std::vector<double> const& weight);

}  // namespace moescope
