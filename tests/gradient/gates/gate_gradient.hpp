#pragma once
#include <stdexcept>

#include "gradient/finite_difference.hpp"
#include "unit/gates/gate_case.hpp"

/// Backward of a gate, its losses and its capacity against central differences of what their forward feeds into the objective:
/// the weights of the choices and the losses. Choices must not change between the points.
namespace moescope::test {

/// x and the tensors that are trained.
inline std::vector<double> point_of(GateCase const& c) {
  auto point = c.x;
  auto const tensors = gate_tensors(c.model);
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].trained) point.insert(point.end(), c.parameters[i].begin(), c.parameters[i].end());
  return point;
}

inline GateCase at_point(GateCase c, std::vector<double> const& point) {
  auto next = point.begin();
  auto const take = [&](std::vector<double>& values) {
    std::copy_n(next, values.size(), values.begin());
    next += std::ptrdiff_t(values.size());
  };
  take(c.x);
  auto const tensors = gate_tensors(c.model);
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].trained) take(c.parameters[i]);
  return c;
}

inline std::vector<double> gradient_of(GateCase const& c, GateRun const& run) {
  auto gradient = run.d_x;
  auto const tensors = gate_tensors(c.model);
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].trained) gradient.insert(gradient.end(), run.gradients[i].begin(), run.gradients[i].end());
  return gradient;
}

inline double error_of_gradient(GateCase const& c, std::vector<double> const& gradient,
                                FiniteDifferenceOptions const& options = {.step = 2e-6}) {
  auto const reference = run_gate(c);
  auto const loss = [&](std::vector<double> const& point) {
    auto const moved = run_gate(at_point(c, point));
    if (moved.expert != reference.expert || moved.kept != reference.kept)
      throw std::logic_error("a choice changed within the difference step");
    return objective(c, moved);
  };
  return gradient_error(loss, point_of(c), gradient, options);
}

inline double error_of_backward(GateCase const& c) { return error_of_gradient(c, gradient_of(c, run_gate(c))); }

}  // namespace moescope::test
