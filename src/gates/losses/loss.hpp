#pragma once
#include <any>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gates/gate.hpp"

namespace moescope {

/// One loss of one router in a micro-step. Sums over the pools that this rank shares / pools_in_step.
struct LossTerm {
  double value = 0;                      ///< equal on the ranks that share the pools
  double weight = 0;                     ///< that it has in the objective
  std::vector<double> importance, load;  ///< [E] of a loss that compares experts; else empty
  double cv2 = 0;                        ///< cv^2(importance) + cv^2(load), of such a loss
  std::vector<double> per_choice;        ///< [pools,E] what each choice adds to the value of a loss of shares; else empty
  bool of_first_choice = false;          ///< only the first choice of a token adds it
  std::any saved;                        ///< what its backward consumes
};

/// Loss kind: a function of the scores and choices of each pool, before anything is dropped, and its backward. Stateless.
template <class T>
class RouterLoss {
 public:
  virtual ~RouterLoss() = default;
  /// parameters: the gate's.
  virtual LossTerm forward(ExecSpace const& exec, Scores<T> const& scores, Routing<T> const& routing, GateContext const& context,
                           std::vector<Matrix<T>> const& parameters) const = 0;
  /// Once all routers have theirs: [routers]. For a loss whose value depends on all of them together.
  virtual void join(std::span<LossTerm* const>) const {}
  /// Adds scale * d(value) to `d`, whose weight is there (to_add_to makes the others).
  virtual void backward(ExecSpace const& exec, LossTerm const& term, double scale, Scores<T> const& scores,
                        Routing<T> const& routing, GateContext const& context, ScoreGradients<T>& d) const = 0;
};

/// One name per kind in registry.cpp. Throws UserError listing the known names for an unknown kind.
template <class T>
std::unique_ptr<RouterLoss<T>> make_loss(LossConfig const& loss, ModelConfig const& model);
std::vector<std::string> loss_kinds();

}  // namespace moescope
