#pragma once
#include <vector>

#include "checkpoint/router_fixture.hpp"

namespace moescope {

/// What a recorded router does with its recorded input; N tokens, row-major.
struct RouterOutcome {
  std::vector<double> logits;          ///< [N,E]
  std::vector<double> chosen, weight;  ///< [N,E] 1 for a choice, and its weight x score_scale_factor
  std::vector<double> kept;            ///< [N,E] 1 for a choice that its expert has room for
};
RouterOutcome run_router(RouterFixture const& fixture, RouterFixtureLayer const& layer);

/// Gradients of the router's tensors from that of its logits, `layer.d_logits`.
RouterTensors router_gradients(RouterFixture const& fixture, RouterFixtureLayer const& layer);

}  // namespace moescope
