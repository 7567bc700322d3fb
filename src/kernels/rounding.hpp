#pragma once
#include <type_traits>

#include "base/views.hpp"

/// Between numbers of an accumulation type A and the storage type T in which products read and write them. Where both are one
/// type nothing is copied: results are the arguments themselves.
namespace moescope::kernels {

namespace detail {
template <class T, class A>
void round_elements(ExecSpace const& exec, ConstMatrix<A> const& x, Matrix<T> const& y) {
  auto const columns = std::int64_t(x.extent(1));
  Kokkos::parallel_for(
      "kernels::rounding",
      Kokkos::RangePolicy<ExecSpace, Kokkos::IndexType<std::int64_t>>(exec, 0, std::int64_t(x.extent(0)) * columns),
      KOKKOS_LAMBDA(std::int64_t const i) { y(i / columns, i % columns) = T(x(i / columns, i % columns)); });
}
}  // namespace detail

/// x rounded to T.
template <class T>
Matrix<T> rounded(ExecSpace const& exec, Matrix<Accumulate<T>> const& x) {
  if constexpr (std::is_same_v<T, Accumulate<T>>) {
    return x;
  } else {
    auto const y = make_matrix<T>("kernels::rounded", std::int64_t(x.extent(0)), std::int64_t(x.extent(1)));
    detail::round_elements<T, Accumulate<T>>(exec, x, y);
    return y;
  }
}

/// Where the sums that `result` is rounded from are added up, for round_sums() at the end. Unset.
template <class T>
Matrix<Accumulate<T>> sums_of(Matrix<T> const& result) {
  if constexpr (std::is_same_v<T, Accumulate<T>>) {
    return result;
  } else {
    return make_matrix<Accumulate<T>>("kernels::sums", std::int64_t(result.extent(0)), std::int64_t(result.extent(1)));
  }
}
template <class T>
void round_sums(ExecSpace const& exec, Matrix<Accumulate<T>> const& sums, Matrix<T> const& result) {
  if constexpr (!std::is_same_v<T, Accumulate<T>>) detail::round_elements<T, Accumulate<T>>(exec, sums, result);
}

}  // namespace moescope::kernels
