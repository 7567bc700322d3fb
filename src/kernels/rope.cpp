#include "kernels/rope.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "kernels/detail/rows.hpp"

namespace moescope::kernels {

namespace {

/// [positions, head_dim]: cosines of the head_dim / 2 angles p * theta^(-2 j / head_dim), then their sines.
template <class T>
Matrix<T> angles(ExecSpace const& exec, std::int64_t num_positions, std::int64_t head_dim, double theta) {
  auto const table = make_matrix<T>("kernels::rope_angles", num_positions, head_dim);
  auto const frequency = make_vector<double>("kernels::rope_frequencies", head_dim / 2);
  std::int64_t const half = head_dim / 2;
  Kokkos::parallel_for(
      "kernels::rope_frequencies", Kokkos::RangePolicy<ExecSpace>(exec, 0, half),
      KOKKOS_LAMBDA(std::int64_t const j) { frequency(j) = Kokkos::pow(theta, -2.0 * double(j) / double(head_dim)); });
  for_each_row(
      exec, "kernels::rope_angles", num_positions, KOKKOS_LAMBDA(Team const& team, std::int64_t position) {
        for_each_column(team, half, [&](std::int64_t j) {
          double const angle = double(position) * frequency(j);
          table(position, j) = T(Kokkos::cos(angle));
          table(position, half + j) = T(Kokkos::sin(angle));
        });
      });
  return table;
}

}  // namespace

template <class T>
void rope(ExecSpace const& exec, Matrix<T> x, std::int64_t num_heads, std::int64_t head_dim, std::int64_t sequence_length,
          double theta, int direction) {
  MOESCOPE_CHECK(head_dim % 2 == 0 && num_heads * head_dim <= std::int64_t(x.extent(1)));
  std::int64_t const num_rows = std::int64_t(x.extent(0)), half = head_dim / 2;
  auto const table = angles<T>(exec, std::min(num_rows, sequence_length), head_dim, theta);
  for_each_row(
      exec, "kernels::rope", num_rows, KOKKOS_LAMBDA(Team const& team, std::int64_t t) {
        T const* const cosine = &table(t % sequence_length, 0);
        T const* const sine = cosine + half;
        for (std::int64_t head = 0; head < num_heads; ++head) {
          T* const first = &x(t, head * head_dim);
          T* const second = first + half;
          for_each_column(team, half, [=](std::int64_t j) {
            T const a = first[j], b = second[j], s = T(direction) * sine[j];
            first[j] = a * cosine[j] - b * s;
            second[j] = b * cosine[j] + a * s;
          });
        }
      });
}

#define INSTANTIATE(T) template void rope<T>(ExecSpace const&, Matrix<T>, std::int64_t, std::int64_t, std::int64_t, double, int);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace moescope::kernels
