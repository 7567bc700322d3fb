#pragma once
#include <cstdint>

#include "base/views.hpp"
#include "gates/routing.hpp"

namespace moescope::gates {

/// The `count` experts with the largest values in each row of `ranking` [tokens,E], best first -> [tokens,count].
/// Ties go to the lower expert; NaN ranks last.
template <class T>
Matrix<int> top_experts(ExecSpace const& exec, ConstMatrix<T> ranking, std::int64_t count);

/// Every token goes to the first `count` experts of its row of `order` [tokens, >= count], all kept; weights unset.
template <class T>
Routing<T> route(ExecSpace const& exec, Matrix<int> const& order, std::int64_t count, std::int64_t num_experts);

/// [tokens] How many values of each row are at least `bound`.
template <class T>
Vector<int> count_not_below(ExecSpace const& exec, ConstMatrix<T> values, T bound);

/// Token t goes to the first count[t], 0..E, experts of its row of `order` [tokens,E]; all kept; weights unset.
template <class T>
Routing<T> route_counted(ExecSpace const& exec, Matrix<int> const& order, ConstVector<int> count);

/// Sets the weights to the softmax over the token's choices of logits[token,expert], or to these logits themselves.
template <class T>
void score_choices(ExecSpace const& exec, ConstMatrix<Accumulate<T>> logits, bool use_softmax, Routing<T> const& routing);

/// Adds the gradient through `score_choices` to d_logits [tokens,E].
template <class T>
void score_choices_backward(ExecSpace const& exec, Routing<T> const& routing, bool use_softmax,
                            ConstVector<Accumulate<T>> d_weight, Matrix<Accumulate<T>> d_logits);

}  // namespace moescope::gates
