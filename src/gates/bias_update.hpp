#pragma once
#include <span>

#include "base/views.hpp"

namespace moescope::gates {

/// bias[e] += rate * sign(mean(choices) - choices[e]); an expert with exactly the mean stays (Wang et al. 2024,
/// "Auxiliary-loss-free load balancing strategy for mixture-of-experts"). `zero_mean`: the mean of what is added is subtracted
/// first, so that the sum of the biases stays (torchtitan).
void update_bias(std::span<double const> choices, double rate, bool zero_mean, std::span<double> bias);

/// values [tokens,E] + row [1,E] in every row.
template <class T>
Matrix<Accumulate<T>> plus_row(ExecSpace const& exec, ConstMatrix<Accumulate<T>> values, ConstMatrix<T> row);

}  // namespace moescope::gates
