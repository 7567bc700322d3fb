#pragma once
#include "dispatch/dispatcher.hpp"
#include "layers/experts.hpp"

namespace moescope {

/// What enters the experts under gate.weight_at = "input" (Llama 4): each row multiplied with its weight. Outputs are weighted
/// with 1. offsets: ExpertsInput::offsets.
template <class T>
ExpertsInput<T> weigh_inputs(ExecSpace const& exec, WeightedRows<T> const& arrived, std::vector<std::int64_t> const& offsets);

/// From the gradient of these inputs that of `arrived`, in place; both partial over etp where it is.
template <class T>
void weigh_inputs_backward(ExecSpace const& exec, WeightedRows<T> const& arrived, ExpertsInputGradient<T> const& d_input);

}  // namespace moescope
