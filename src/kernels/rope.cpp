#include "kernels/rope.hpp"

#include "base/error.hpp"
#include "kernels/detail/rows.hpp"

namespace moescope::kernels {

template <class T>
Matrix<T> rope_table(ExecSpace const& exec, std::int64_t sequence_length, std::int64_t head_dim, double theta) {
  MOESCOPE_CHECK(head_dim % 2 == 0);
  auto const table = make_matrix<T>("kernels::rope_table", sequence_length, head_dim);
  auto const frequency = make_vector<double>("kernels::rope_frequencies", head_dim / 2);
  std::int64_t const half = head_dim / 2;
  Kokkos::parallel_for(
      "kernels::rope_frequencies", Kokkos::RangePolicy<ExecSpace>(exec, 0, half),
      KOKKOS_LAMBDA(std::int64_t const j) { frequency(j) = Kokkos::pow(theta, -2.0 * double(j) / double(head_dim)); });
  for_each_row(
      exec, "kernels::rope_table", sequence_length, KOKKOS_LAMBDA(Team const& team, std::int64_t position) {
        for_each_column(team, half, [&](std::int64_t j) {
          double const angle = double(position) * frequency(j);
          table(position, j) = T(Kokkos::cos(angle));
          table(position, half + j) = T(Kokkos::sin(angle));
        });
      });
  return table;
}

template <class T>
void rope(ExecSpace const& exec, Rotation<T> const& rotation, Matrix<T> x, std::int64_t num_heads, int direction) {
  auto const table = rotation.table;
  auto const id = rotation.token_id;
  std::int64_t const num_rows = std::int64_t(x.extent(0)), sequence_length = std::int64_t(table.extent(0));
  std::int64_t const head_dim = std::int64_t(table.extent(1)), half = head_dim / 2;
  MOESCOPE_CHECK(num_heads * head_dim <= std::int64_t(x.extent(1)) && std::int64_t(id.extent(0)) == num_rows);
  for_each_row(
      exec, "kernels::rope", num_rows, KOKKOS_LAMBDA(Team const& team, std::int64_t t) {
        std::int64_t const position = (id(t) % sequence_length + sequence_length) % sequence_length;
        T const* const cosine = &table(position, 0);
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

#define INSTANTIATE(T)                                                                    \
  template Matrix<T> rope_table<T>(ExecSpace const&, std::int64_t, std::int64_t, double); \
  template void rope<T>(ExecSpace const&, Rotation<T> const&, Matrix<T>, std::int64_t, int);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace moescope::kernels
