#pragma once
#include <cstdint>
#include <vector>

#include "base/views.hpp"

namespace moescope {

/// One rank's share of one expert: m local columns of its width. gate_up holds the gate projection's rows, then up's.
template <class T>
struct ExpertWeights {
  Matrix<T> gate_up;  ///< [2m, H]
  Matrix<T> down;     ///< [H, m]
};

/// Rows that enter the experts, grouped by expert, and what the output of each is multiplied with.
template <class T>
struct ExpertsInput {
  ConstMatrix<T> rows;                ///< [R,H]
  ConstVector<Accumulate<T>> weight;  ///< [R]
  std::vector<std::int64_t> offsets;  ///< [experts + 1]: expert e has rows [offsets[e], offsets[e+1])
};

/// All experts' rows behind each other, each as wide as its expert's share.
template <class T>
struct ExpertsActivations {
  Vector<std::int64_t> starts;  ///< [R+1] first element of each row of `hidden`; one of `gate_up` starts at twice as many
  Vector<T> gate_up;            ///< rows [2m]
  Vector<T> hidden;             ///< rows [m], weighted
};

/// What a backward pass does with the experts' weight gradients: a product that assigns reads no memory that it writes.
enum class ExpertGradients { assign, add };

/// SwiGLU experts of any widths: y[r,:] = down (weight[r] * hidden[r,:]), which is weight[r] * expert(rows[r,:]). The result
/// [R,H] is partial over the ranks that share an expert's columns.
template <class T>
Matrix<T> experts_forward(ExecSpace const& exec, ExpertsInput<T> const& input, std::vector<ExpertWeights<T>> const& weights,
                          ExpertsActivations<T>& activations);

/// Gradients of the rows [R,H] and of their weights [R], partial likewise.
template <class T>
struct ExpertsInputGradient {
  Matrix<T> rows;
  Vector<Accumulate<T>> weight;
};

/// d_y [R,H] is complete. Assigns the gradients of the experts' tensors (zero for experts without rows) or adds to them.
template <class T>
ExpertsInputGradient<T> experts_backward(ExecSpace const& exec, ConstMatrix<T> d_y, ExpertsInput<T> const& input,
                                         std::vector<ExpertWeights<T>> const& weights, ExpertsActivations<T> const& activations,
                                         ExpertGradients how, std::vector<ExpertWeights<Accumulate<T>>> const& gradients);

}  // namespace moescope
