#include "kernels/adamw.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/to_host.hpp"
#include "kernels/detail/rows.hpp"

namespace moescope::kernels {

/// In double for every storage type: 1 - lr * weight_decay is within rounding of 1 in single precision.
template <class T>
void adamw(ExecSpace const& exec, AdamWStep const& step, ConstVector<Accumulate<T>> gradient, Vector<T> value,
           Vector<Accumulate<T>> first_moment, Vector<Accumulate<T>> second_moment) {
  MOESCOPE_CHECK(gradient.extent(0) == value.extent(0) && first_moment.extent(0) == value.extent(0) &&
                 second_moment.extent(0) == value.extent(0) && step.step >= 1);
  double const rate = step.learning_rate / (1 - std::pow(step.beta1, double(step.step)));
  double const correction = 1 / std::sqrt(1 - std::pow(step.beta2, double(step.step)));
  double const kept = 1 - step.learning_rate * step.weight_decay;
  Kokkos::parallel_for(
      "kernels::adamw", Kokkos::RangePolicy<ExecSpace>(exec, 0, value.extent(0)), KOKKOS_LAMBDA(std::int64_t i) {
        double const g = step.gradient_scale * double(gradient(i));
        double const m = step.beta1 * double(first_moment(i)) + (1 - step.beta1) * g;
        double const v = step.beta2 * double(second_moment(i)) + (1 - step.beta2) * g * g;
        first_moment(i) = Accumulate<T>(m);
        second_moment(i) = Accumulate<T>(v);
        value(i) = T(double(value(i)) * kept - rate * m / (Kokkos::sqrt(v) * correction + step.epsilon));
      });
}

template <class T>
double sum_of_squares(ExecSpace const& exec, ConstVector<T> x) {
  std::int64_t const size = std::int64_t(x.extent(0)), chunk = 4096, num_chunks = (size + chunk - 1) / chunk;
  auto const partial = make_vector<double>("kernels::sums_of_squares", num_chunks);
  for_each_row(
      exec, "kernels::sums_of_squares", num_chunks, KOKKOS_LAMBDA(Team const& team, std::int64_t c) {
        std::int64_t const begin = c * chunk, length = size - begin < chunk ? size - begin : chunk;
        double const sum =
            sum_columns<double>(team, length, [&](std::int64_t i) { return double(x(begin + i)) * double(x(begin + i)); });
        Kokkos::single(Kokkos::PerTeam(team), [&] { partial(c) = sum; });
      });
  auto const host = to_host(exec, partial);
  double sum = 0;
  for (std::size_t c = 0; c < host.extent(0); ++c) sum += host(c);
  return sum;
}

#define MOESCOPE_INSTANTIATE(T)                                                                                            \
  template void adamw<T>(ExecSpace const&, AdamWStep const&, ConstVector<Accumulate<T>>, Vector<T>, Vector<Accumulate<T>>, \
                         Vector<Accumulate<T>>);                                                                           \
  template double sum_of_squares<T>(ExecSpace const&, ConstVector<T>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::kernels
