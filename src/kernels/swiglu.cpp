#include "kernels/swiglu.hpp"

#include "base/error.hpp"
#include "kernels/detail/exponential.hpp"
#include "kernels/detail/rows.hpp"

namespace moescope::kernels {

namespace {

template <class T>
KOKKOS_INLINE_FUNCTION T sigmoid(T x) {
  return T(1) / (T(1) + exponential(-x));
}

/// Rows that `starts` describes; the buffers must hold them all.
std::int64_t num_rows(ConstVector<std::int64_t> const& starts) { return std::int64_t(starts.extent(0)) - 1; }

}  // namespace

template <class T>
void swiglu(ExecSpace const& exec, ConstVector<std::int64_t> starts, ConstVector<Accumulate<T>> weight, ConstVector<T> gate_up,
            Vector<T> hidden) {
  MOESCOPE_CHECK(num_rows(starts) == std::int64_t(weight.extent(0)) && gate_up.extent(0) == 2 * hidden.extent(0));
  using A = Accumulate<T>;
  for_each_row(
      exec, "kernels::swiglu", num_rows(starts), KOKKOS_LAMBDA(Team const& team, std::int64_t r) {
        std::int64_t const start = starts(r), m = starts(r + 1) - start;
        T const* const gate_row = gate_up.data() + 2 * start;
        T const* const up_row = gate_row + m;
        T* const hidden_row = hidden.data() + start;
        A const w = weight(r);
        for_each_column(team, m, [=](std::int64_t j) {
          A const gate = gate_row[j], up = up_row[j];
          hidden_row[j] = T(w * (gate * sigmoid(gate) * up));
        });
      });
}

/// silu'(g) = sigmoid(g) (1 + g (1 - sigmoid(g))).
template <class T>
void swiglu_backward(ExecSpace const& exec, ConstVector<std::int64_t> starts, ConstVector<Accumulate<T>> weight,
                     ConstVector<T> d_hidden, ConstVector<T> gate_up, Vector<T> d_gate_up, Vector<Accumulate<T>> d_weight) {
  MOESCOPE_CHECK(num_rows(starts) == std::int64_t(weight.extent(0)) && d_weight.extent(0) == weight.extent(0));
  MOESCOPE_CHECK(gate_up.extent(0) == 2 * d_hidden.extent(0) && d_gate_up.extent(0) == gate_up.extent(0));
  using A = Accumulate<T>;
  for_each_row(
      exec, "kernels::swiglu_backward", num_rows(starts), KOKKOS_LAMBDA(Team const& team, std::int64_t r) {
        std::int64_t const start = starts(r), m = starts(r + 1) - start;
        T const* const gate_row = gate_up.data() + 2 * start;
        T const* const up_row = gate_row + m;
        T const* const d_row = d_hidden.data() + start;
        T* const d_gate_row = d_gate_up.data() + 2 * start;
        T* const d_up_row = d_gate_row + m;
        A const w = weight(r);
        A const dot = sum_columns<A>(team, m, [=](std::int64_t j) {
          A const gate = gate_row[j], up = up_row[j], d = d_row[j], s = sigmoid(gate);
          d_gate_row[j] = T(w * d * up * s * (A(1) + gate * (A(1) - s)));
          d_up_row[j] = T(w * d * gate * s);
          return d * gate * s * up;
        });
        Kokkos::single(Kokkos::PerTeam(team), [&] { d_weight(r) = dot; });
      });
}

#define MOESCOPE_INSTANTIATE(T)                                                                                                \
  template void swiglu<T>(ExecSpace const&, ConstVector<std::int64_t>, ConstVector<Accumulate<T>>, ConstVector<T>, Vector<T>); \
  template void swiglu_backward<T>(ExecSpace const&, ConstVector<std::int64_t>, ConstVector<Accumulate<T>>, ConstVector<T>,    \
                                   ConstVector<T>, Vector<T>, Vector<Accumulate<T>>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::kernels
