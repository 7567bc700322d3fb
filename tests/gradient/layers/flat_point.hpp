#pragma once
#include <vector>

#include "reference/matrix.hpp"

namespace moescope::test {

/// Matrices laid end to end: the point at which a gradient is checked.
inline std::vector<double> flatten(std::vector<reference::Matrix> const& matrices) {
  std::vector<double> flat;
  for (auto const& matrix : matrices) flat.insert(flat.end(), matrix.values.begin(), matrix.values.end());
  return flat;
}

/// The inverse of `flatten` for matrices of the shapes of `shapes`.
inline std::vector<reference::Matrix> unflatten(std::vector<double> const& flat, std::vector<reference::Matrix> shapes) {
  std::size_t begin = 0;
  for (auto& matrix : shapes)
    for (double& value : matrix.values) value = flat[begin++];
  return shapes;
}

/// <a, b>: the loss whose derivative by `a` is the fixed matrix `b`.
inline double inner(reference::Matrix const& a, reference::Matrix const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) sum += a.values[i] * b.values[i];
  return sum;
}

}  // namespace moescope::test
