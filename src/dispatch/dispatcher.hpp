#pragma once
#include <memory>
#include <string>
#include <vector>

#include "comm/mesh.hpp"
#include "dispatch/plan.hpp"
#include "gates/routing.hpp"

namespace moescope {

/// A dispatcher is a linear map D, which copies rows of owned tokens to the ranks of their experts (every rank that holds
/// columns of one), and its adjoint D^T, which brings rows back and sums them per token: D^T D x = etp * (kept choices) * x.
/// Combine is D^T of the weighted expert outputs; the backward of dispatch is D^T, the backward of combine is D.
/// Weights travel with the rows by `run_weights` (one number per choice) and their gradients return by its adjoint.
/// Rows arrive grouped by local expert: plan.rows.expert_offsets.
template <class T>
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;
  /// Collective: exchanges the summary of the routing, then plans for this rank only.
  virtual Plan plan(ExecSpace const& exec, Routing<T> const& routing) = 0;
  /// x [tokens,H] -> rows [num_gathered,H]. `backward` says under which name it is ledgered.
  virtual Matrix<T> run(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> x, bool backward) = 0;
  /// rows [num_gathered,H], partial over etp -> y [tokens,H].
  virtual Matrix<T> run_adjoint(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> rows, bool backward) = 0;
  /// weight [num_choices] -> [num_gathered].
  virtual Vector<T> run_weights(ExecSpace const& exec, Plan const& plan, ConstVector<T> weight) = 0;
  /// d [num_gathered], partial over etp -> [num_choices]; 0 for dropped choices.
  virtual Vector<T> run_weights_adjoint(ExecSpace const& exec, Plan const& plan, ConstVector<T> d_weight) = 0;
};

/// One line per kind in registry.cpp. Throws UserError listing the known names, or when `local` meets ep > 1.
template <class T>
std::unique_ptr<Dispatcher<T>> make_dispatcher(std::string const& kind, Mesh& mesh, ModelConfig const& model);
std::vector<std::string> dispatcher_kinds();

}  // namespace moescope
