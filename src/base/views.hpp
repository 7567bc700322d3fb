#pragma once
#include <Kokkos_Core.hpp>
#include <string>

#include "base/scalar.hpp"

namespace moescope {

using ExecSpace = Kokkos::DefaultExecutionSpace;
using MemSpace = ExecSpace::memory_space;

/// Row-major, contiguous arrays in the memory of the execution space. Functions take `Const...` for what they read and
/// are called with the scalar spelled out, `f<T>(exec, x)`, since View conversions are not deduced.
template <class T>
using Vector = Kokkos::View<T*, Kokkos::LayoutRight, MemSpace>;
template <class T>
using Matrix = Kokkos::View<T**, Kokkos::LayoutRight, MemSpace>;
template <class T>
using ConstVector = Kokkos::View<T const*, Kokkos::LayoutRight, MemSpace>;
template <class T>
using ConstMatrix = Kokkos::View<T const**, Kokkos::LayoutRight, MemSpace>;

/// Rows [begin, end) of a matrix, without a copy. Shape [end - begin, columns].
template <class M>
M rows(M const& matrix, std::int64_t begin, std::int64_t end) {
  return Kokkos::subview(matrix, Kokkos::make_pair(begin, end), Kokkos::ALL);
}

/// Allocates without filling; label as "folder::thing".
template <class T>
Matrix<T> make_matrix(char const* label, std::int64_t num_rows, std::int64_t num_columns) {
  return Matrix<T>(Kokkos::view_alloc(Kokkos::WithoutInitializing, std::string(label)), num_rows, num_columns);
}
template <class T>
Vector<T> make_vector(char const* label, std::int64_t size) {
  return Vector<T>(Kokkos::view_alloc(Kokkos::WithoutInitializing, std::string(label)), size);
}

}  // namespace moescope
