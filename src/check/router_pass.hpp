#pragma once
#include <memory>
#include <vector>

#include "checkpoint/router_fixture.hpp"
#include "gates/router.hpp"

namespace moescope {

/// What a recorded router does with its recorded input; N tokens, row-major.
struct RouterOutcome {
  std::vector<double> logits;          ///< [N,E]
  std::vector<double> chosen, weight;  ///< [N,E] 1 for a choice, and its weight x score_scale_factor
  std::vector<double> kept;            ///< [N,E] 1 for a choice that its expert has room for
};

/// One recorded router as the gate of its kind, in evaluation mode.
class RouterPass {
 public:
  RouterPass(RouterFixture const& fixture, RouterFixtureLayer const& layer);
  /// Completes losses that depend on all routers of the model.
  static void join(std::vector<std::unique_ptr<RouterPass>> const& all);

  RouterOutcome outcome() const;
  /// Of the loss of this kind, where the family has it; else 0.
  double loss(std::string const& kind) const;
  /// Gradients of the router's tensors from d_weight [N,E], that of the outcome's weights, through the gate.
  RouterTensors gradients(std::vector<double> const& d_weight) const;
  /// From d_logits [N,E], that of its logits, through the network alone.
  RouterTensors gradients_from_logits(std::vector<double> const& d_logits) const;

 private:
  std::vector<Matrix<double>> zeros() const;
  RouterTensors on_host(std::vector<Matrix<double>> const& gradients) const;

  PublishedRouter const& published_;
  ModelConfig model_;
  ExecSpace exec_;
  SerialPool pool_;
  GateContext context_;
  Router<double> router_;
  Matrix<double> x_;
  std::vector<Matrix<double>> parameters_;
  RouterResult<double> result_;
};

}  // namespace moescope
