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

/// Rows come grouped by expert: expert e has rows [offsets[e], offsets[e+1]).
template <class T>
struct ExpertsActivations {
  std::vector<Matrix<T>> gate_up;  ///< per expert [rows_e, 2m_e]
  std::vector<Matrix<T>> hidden;   ///< per expert [rows_e, m_e]
};

/// What a backward pass does with the experts' weight gradients: a product that assigns reads no memory that it writes.
enum class ExpertGradients { assign, add };

/// SwiGLU experts of any widths. x [R,H] -> y [R,H], partial over the ranks that share an expert's columns.
template <class T>
Matrix<T> experts_forward(ExecSpace const& exec, ConstMatrix<T> x, std::vector<std::int64_t> const& offsets,
                          std::vector<ExpertWeights<T>> const& weights, ExpertsActivations<T>& activations);

/// d_y [R,H] -> d_x [R,H] (partial likewise). Assigns the weight gradients (zero for experts without rows) or adds to them.
template <class T>
Matrix<T> experts_backward(ExecSpace const& exec, ConstMatrix<T> d_y, ConstMatrix<T> x, std::vector<std::int64_t> const& offsets,
                           std::vector<ExpertWeights<T>> const& weights, ExpertsActivations<T> const& activations,
                           ExpertGradients how, std::vector<ExpertWeights<T>> const& gradients);

}  // namespace moescope
