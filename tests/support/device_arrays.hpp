#pragma once
#include <vector>

#include "base/random.hpp"
#include "base/views.hpp"
#include "reference/matrix.hpp"

/// Between the reference's matrices and the kernels' Views.
namespace moescope::test {

/// Rounding of T with room for sums of a few hundred terms.
template <class T>
inline constexpr double rounding = sizeof(T) == 8 ? 1e-13 : 2e-6;

/// Standard normal numbers, rounded to float so that both scalar types start from the same values.
inline reference::Matrix random_matrix(std::int64_t num_rows, std::int64_t num_columns, std::uint64_t seed) {
  RandomStream const stream(seed, Purpose::weight, 0, 0);
  reference::Matrix matrix(num_rows, num_columns);
  for (std::int64_t i = 0; i < num_rows; ++i)
    for (std::int64_t j = 0; j < num_columns; ++j) matrix(i, j) = double(float(stream.normal(i, j)));
  return matrix;
}

inline std::vector<double> random_vector(std::int64_t size, std::uint64_t seed) { return random_matrix(1, size, seed).values; }

template <class T, class S>
Vector<T> to_device(std::vector<S> const& values) {
  Vector<T> const result("test::vector", values.size());
  auto const host = Kokkos::create_mirror_view(result);
  for (std::size_t i = 0; i < values.size(); ++i) host(i) = T(values[i]);
  Kokkos::deep_copy(result, host);
  return result;
}

template <class T>
Matrix<T> to_device(reference::Matrix const& matrix) {
  Matrix<T> const result("test::matrix", matrix.num_rows, matrix.num_columns);
  auto const host = Kokkos::create_mirror_view(result);
  for (std::int64_t i = 0; i < matrix.num_rows; ++i)
    for (std::int64_t j = 0; j < matrix.num_columns; ++j) host(i, j) = T(matrix(i, j));
  Kokkos::deep_copy(result, host);
  return result;
}

template <class T, class... Properties>
reference::Matrix to_host(Kokkos::View<T**, Properties...> const& matrix) {
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), matrix);
  reference::Matrix result(std::int64_t(host.extent(0)), std::int64_t(host.extent(1)));
  for (std::int64_t i = 0; i < result.num_rows; ++i)
    for (std::int64_t j = 0; j < result.num_columns; ++j) result(i, j) = double(host(i, j));
  return result;
}

/// A vector comes back as a matrix of one row.
template <class T, class... Properties>
reference::Matrix to_host(Kokkos::View<T*, Properties...> const& vector) {
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), vector);
  reference::Matrix result(1, std::int64_t(host.extent(0)));
  for (std::int64_t i = 0; i < result.num_columns; ++i) result(0, i) = double(host(i));
  return result;
}

/// Not a number everywhere: for results that must be assigned, not added to.
template <class T>
Matrix<T> poisoned(std::int64_t num_rows, std::int64_t num_columns) {
  Matrix<T> const result("test::poisoned", num_rows, num_columns);
  Kokkos::deep_copy(result, Kokkos::Experimental::quiet_NaN_v<T>);
  return result;
}

template <class T>
Vector<T> poisoned_vector(std::int64_t size) {
  Vector<T> const result("test::poisoned", size);
  Kokkos::deep_copy(result, Kokkos::Experimental::quiet_NaN_v<T>);
  return result;
}

}  // namespace moescope::test
