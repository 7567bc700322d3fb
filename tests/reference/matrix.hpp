#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

/// Reference mathematics in plain double-precision loops: slow and obviously right. The kernels are compared with it.
namespace moescope::reference {

struct Matrix {
  std::int64_t num_rows = 0, num_columns = 0;
  std::vector<double> values;

  Matrix() = default;
  Matrix(std::int64_t rows, std::int64_t columns, double value = 0)
      : num_rows(rows), num_columns(columns), values(std::size_t(rows * columns), value) {}
  double& operator()(std::int64_t i, std::int64_t j) { return values[std::size_t(i * num_columns + j)]; }
  double operator()(std::int64_t i, std::int64_t j) const { return values[std::size_t(i * num_columns + j)]; }
};

inline Matrix transposed(Matrix const& a) {
  Matrix result(a.num_columns, a.num_rows);
  for (std::int64_t i = 0; i < a.num_rows; ++i)
    for (std::int64_t j = 0; j < a.num_columns; ++j) result(j, i) = a(i, j);
  return result;
}

inline Matrix multiply(Matrix const& a, Matrix const& b) {
  Matrix result(a.num_rows, b.num_columns);
  for (std::int64_t i = 0; i < a.num_rows; ++i)
    for (std::int64_t j = 0; j < b.num_columns; ++j)
      for (std::int64_t k = 0; k < a.num_columns; ++k) result(i, j) += a(i, k) * b(k, j);
  return result;
}

inline Matrix rows(Matrix const& a, std::int64_t begin, std::int64_t end) {
  Matrix result(end - begin, a.num_columns);
  for (std::int64_t i = begin; i < end; ++i)
    for (std::int64_t j = 0; j < a.num_columns; ++j) result(i - begin, j) = a(i, j);
  return result;
}

/// a + scale * b.
inline Matrix plus(Matrix a, Matrix const& b, double scale = 1) {
  for (std::size_t i = 0; i < a.values.size(); ++i) a.values[i] += scale * b.values[i];
  return a;
}

/// ||actual - expected|| / ||expected||, over 1 where nothing is expected; infinity for other shapes or non-finite values.
inline double relative_error(Matrix const& actual, Matrix const& expected) {
  if (actual.num_rows != expected.num_rows || actual.num_columns != expected.num_columns)
    return std::numeric_limits<double>::infinity();
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    difference += (actual.values[i] - expected.values[i]) * (actual.values[i] - expected.values[i]);
    norm += expected.values[i] * expected.values[i];
  }
  double const error = std::sqrt(difference) / (norm > 0 ? std::sqrt(norm) : 1.0);
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

}  // namespace moescope::reference
