#include "gates/bias_update.hpp"

#include <numeric>
#include <vector>

namespace moescope::gates {

void update_bias(std::span<double const> choices, double rate, bool zero_mean, std::span<double> bias) {
  double const mean = std::accumulate(choices.begin(), choices.end(), 0.0) / double(choices.size());
  std::vector<double> step;
  for (double const count : choices) step.push_back(rate * double((mean > count) - (mean < count)));
  double const shift = zero_mean ? std::accumulate(step.begin(), step.end(), 0.0) / double(step.size()) : 0;
  for (std::size_t e = 0; e < step.size(); ++e) bias[e] += step[e] - shift;
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

#define MOESCOPE_INSTANTIATE(T) \
  template Matrix<Accumulate<T>> plus_row<T>(ExecSpace const&, ConstMatrix<Accumulate<T>>, ConstMatrix<T>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
