#include "model/weighted_inputs.hpp"

namespace moescope {

template <class T>
ExpertsInput<T> weigh_inputs(ExecSpace const& exec, WeightedRows<T> const& arrived, std::vector<std::int64_t> const& offsets) {
  using A = Accumulate<T>;
  auto const rows = arrived.rows;
  auto const weight = arrived.weight;
  auto const hidden = std::int64_t(rows.extent(1));
  auto const weighted = make_matrix<T>("model::weighted_inputs", rows.extent(0), hidden);
  auto const ones = make_vector<A>("model::output_weights", rows.extent(0));
  Kokkos::parallel_for(
      "model::weigh_inputs", Kokkos::RangePolicy<ExecSpace>(exec, 0, rows.extent(0)), KOKKOS_LAMBDA(std::int64_t const r) {
        for (std::int64_t h = 0; h < hidden; ++h) weighted(r, h) = T(weight(r) * A(rows(r, h)));
        ones(r) = 1;
      });
  return {weighted, ones, offsets};
}

template <class T>
void weigh_inputs_backward(ExecSpace const& exec, WeightedRows<T> const& arrived, ExpertsInputGradient<T> const& d_input) {
  using A = Accumulate<T>;
  auto const rows = arrived.rows, d_rows = d_input.rows;
  auto const weight = arrived.weight, d_weight = d_input.weight;
  auto const hidden = std::int64_t(rows.extent(1));
  Kokkos::parallel_for(
      "model::weigh_inputs_backward", Kokkos::RangePolicy<ExecSpace>(exec, 0, rows.extent(0)),
      KOKKOS_LAMBDA(std::int64_t const r) {
        A dot = 0;
        for (std::int64_t h = 0; h < hidden; ++h) {
          dot += A(d_rows(r, h)) * A(rows(r, h));
          d_rows(r, h) = T(weight(r) * A(d_rows(r, h)));
        }
        d_weight(r) = dot;
      });
}

#define MOESCOPE_INSTANTIATE(T)                                                                                         \
  template ExpertsInput<T> weigh_inputs<T>(ExecSpace const&, WeightedRows<T> const&, std::vector<std::int64_t> const&); \
  template void weigh_inputs_backward<T>(ExecSpace const&, WeightedRows<T> const&, ExpertsInputGradient<T> const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
