#pragma once
#include <span>
#include <vector>

#include "base/views.hpp"

namespace moescope::gates {

/// What is added to the bias of each expert: rate * sign(mean(choices) - choices[e]), nothing for exactly the mean (Wang et al.
/// 2024, "Auxiliary-loss-free load balancing strategy for mixture-of-experts"). `zero_mean`: less the mean of all that, so that
/// the sum of the biases stays (torchtitan).
std::vector<double> bias_steps(std::span<double const> choices, double rate, bool zero_mean);

/// row [1,E] += values.
template <class T>
void add_to_row(ExecSpace const& exec, std::vector<double> const& values, Matrix<T> row);

/// values [tokens,E] + row [1,E] in every row.
template <class T>
Matrix<Accumulate<T>> plus_row(ExecSpace const& exec, ConstMatrix<Accumulate<T>> values, ConstMatrix<T> row);

}  // namespace moescope::gates
