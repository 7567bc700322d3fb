#include "gates/bias_update.hpp"

#include <numeric>

#include "base/upload.hpp"

namespace moescope::gates {

std::vector<double> bias_steps(std::span<double const> choices, double rate, bool zero_mean) {
  double const mean = std::accumulate(choices.begin(), choices.end(), 0.0) / double(choices.size());
  std::vector<double> steps;
  for (double const count : choices) steps.push_back(rate * double((mean > count) - (mean < count)));
  double const shift = zero_mean ? std::accumulate(steps.begin(), steps.end(), 0.0) / double(steps.size()) : 0;
  for (double& step : steps) step -= shift;
  return steps;
}

template <class T>
void add_to_row(ExecSpace const& exec, std::vector<double> const& values, Matrix<T> row) {
  auto const added = upload(exec, "gates::bias_step", values);
  Kokkos::parallel_for(
      "gates::add_to_row", Kokkos::RangePolicy<ExecSpace>(exec, 0, row.extent(1)),
      KOKKOS_LAMBDA(std::int64_t e) { row(0, e) = T(double(row(0, e)) + added(e)); });
}

template <class T>
Matrix<Accumulate<T>> plus_row(ExecSpace const& exec, ConstMatrix<Accumulate<T>> values, ConstMatrix<T> row) {
  auto const columns = std::int64_t(values.extent(1));
  auto const sum = make_matrix<Accumulate<T>>("gates::plus_row", values.extent(0), columns);
  Kokkos::parallel_for(
      "gates::plus_row", Kokkos::RangePolicy<ExecSpace>(exec, 0, values.size()), KOKKOS_LAMBDA(std::int64_t i) {
        sum(i / columns, i % columns) = values(i / columns, i % columns) + Accumulate<T>(row(0, i % columns));
      });
  return sum;
}

#define MOESCOPE_INSTANTIATE(T)                                                         \
  template void add_to_row<T>(ExecSpace const&, std::vector<double> const&, Matrix<T>); \
  template Matrix<Accumulate<T>> plus_row<T>(ExecSpace const&, ConstMatrix<Accumulate<T>>, ConstMatrix<T>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
