#pragma once
#include "config/model_config.hpp"
#include "gates/routing.hpp"

namespace moescope::gates {

/// [choices] The weights, where `capacity.renormalise` those that stay of a token scaled to the sum that all of them had; else
/// routing.weight itself.
template <class T>
Vector<Accumulate<T>> renormalised(ExecSpace const& exec, ModelConfig const& model, Routing<T> const& routing);
/// dL/d(routing.weight) from that of the above, in memory of its own.
template <class T>
Vector<Accumulate<T>> renormalised_backward(ExecSpace const& exec, ModelConfig const& model, Routing<T> const& routing,
                                            ConstVector<Accumulate<T>> d_renormalised);

}  // namespace moescope::gates
