#include "bench/known_values.hpp"

namespace moescope::bench {

namespace {

using Places = Kokkos::RangePolicy<ExecSpace, Kokkos::IndexType<std::int64_t>>;

}  // namespace

template <class T>
void fill_known(ExecSpace const& exec, Matrix<T> values, std::int64_t member) {
  Kokkos::parallel_for(
      "bench::fill_known", Places(exec, 0, std::int64_t(values.extent(0))),
      KOKKOS_LAMBDA(std::int64_t i) { values(i, 0) = T(value_of_place(i) + value_of_member(member)); });
}

template <class T>
void fill_unknown(ExecSpace const& exec, Matrix<T> values) {
  Kokkos::deep_copy(exec, values, T(-1));
}

template <class T>
std::int64_t count_wrong(ExecSpace const& exec, ConstMatrix<T> arrived, Known const& known) {
  std::int64_t wrong = 0;
  auto const expected = known;
  Kokkos::parallel_reduce(
      "bench::count_wrong", Places(exec, 0, std::int64_t(arrived.extent(0))),
      KOKKOS_LAMBDA(std::int64_t i, std::int64_t & sum) {
        sum += !(arrived(i, 0) == T(expected.terms * value_of_place(expected.first + i) + expected.of_members));
      },
      wrong);
  return wrong;
}

#define MOESCOPE_INSTANTIATE(T)                                           \
  template void fill_known<T>(ExecSpace const&, Matrix<T>, std::int64_t); \
  template void fill_unknown<T>(ExecSpace const&, Matrix<T>);             \
  template std::int64_t count_wrong<T>(ExecSpace const&, ConstMatrix<T>, Known const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::bench
