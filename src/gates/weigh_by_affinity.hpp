#pragma once
#include "base/views.hpp"
#include "gates/routing.hpp"

namespace moescope::gates {

/// Sets the weight of each choice to the affinity [tokens,E] of its token and expert; with `normalise` over their sum over the
/// token's choices + 1e-20 (DeepSeek-V3; without effect on affinities of a softmax).
template <class T>
void weigh_by_affinity(ExecSpace const& exec, ConstMatrix<Accumulate<T>> affinity, bool normalise, Routing<T> const& routing);

/// Adds to d_affinity [tokens,E]; those that were not chosen get nothing.
template <class T>
void weigh_by_affinity_backward(ExecSpace const& exec, ConstMatrix<Accumulate<T>> affinity, bool normalise,
                                Routing<T> const& routing, ConstVector<Accumulate<T>> d_weight, Matrix<Accumulate<T>> d_affinity);

}  // namespace moescope::gates
