#pragma once
#include <memory>
#include <string>
#include <vector>

#include "comm/mesh.hpp"
#include "dispatch/plan.hpp"
#include "gates/routing.hpp"

namespace moescope {

/// Rows and the numbers that go with them. On the side of the gate: tokens [tokens,H] and a number of each choice [num_choices].
/// On the side of the experts: [num_gathered,H] and a number of each row.
template <class T>
struct WeightedRows {
  Matrix<T> rows;
  Vector<Accumulate<T>> weight;
};

/// A dispatcher is a linear map D, which copies rows of owned tokens to the ranks of their experts (every rank that holds
/// columns of one), and its adjoint D^T, which brings rows back and sums them per token: D^T D x = etp * (kept choices) * x.
/// Dispatch is D, combine D^T of the expert outputs; the backward of each is the other. Each choice's weight goes with its row,
/// and the weight's gradient returns with the row's. Rows arrive grouped by local expert: plan.rows.expert_offsets.
/// All but `plan` give memory of their own.
template <class T>
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;
  /// Collective: exchanges the summary of the routing, then plans for this rank only.
  virtual Plan plan(ExecSpace const& exec, Routing<T> const& routing) = 0;
  /// Tokens and their choices' weights -> rows and theirs.
  virtual WeightedRows<T> dispatch(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens) = 0;
  /// Gradients of rows and their weights, both partial over etp -> of tokens and choices, 0 for dropped ones.
  virtual WeightedRows<T> dispatch_backward(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& d_rows) = 0;
  /// rows [num_gathered,H], partial over etp -> [tokens,H].
  virtual Matrix<T> combine(ExecSpace const& exec, Plan const& plan, Matrix<T> const& rows) = 0;
  /// d_tokens [tokens,H] -> [num_gathered,H].
  virtual Matrix<T> combine_backward(ExecSpace const& exec, Plan const& plan, Matrix<T> const& d_tokens) = 0;
};

/// One line per kind in registry.cpp. Throws UserError listing the known names, or when `local` meets ep > 1.
template <class T>
std::unique_ptr<Dispatcher<T>> make_dispatcher(std::string const& kind, Mesh& mesh, ModelConfig const& model);
std::vector<std::string> dispatcher_kinds();

/// For experts that every rank holds whole: nothing is exchanged.
template <class T>
std::unique_ptr<Dispatcher<T>> make_home();

}  // namespace moescope
