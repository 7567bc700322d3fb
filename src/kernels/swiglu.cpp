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

}  // namespace

template <class T>
void swiglu(ExecSpace const& exec, ConstMatrix<T> gate_up, Matrix<T> hidden) {
  MOESCOPE_CHECK(gate_up.extent(0) == hidden.extent(0) && gate_up.extent(1) == 2 * hidden.extent(1));
  using A = Accumulate<T>;
  std::int64_t const m = std::int64_t(hidden.extent(1));
  for_each_row(
      exec, "kernels::swiglu", std::int64_t(hidden.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t r) {
        for_each_column(team, m, [&](std::int64_t j) {
          A const gate = gate_up(r, j), up = gate_up(r, m + j);
          hidden(r, j) = T(gate * sigmoid(gate) * up);
        });
      });
}

/// silu'(g) = sigmoid(g) (1 + g (1 - sigmoid(g))).
template <class T>
void swiglu_backward(ExecSpace const& exec, ConstMatrix<T> d_hidden, ConstMatrix<T> gate_up, Matrix<T> d_gate_up) {
  MOESCOPE_CHECK(gate_up.extent(0) == d_hidden.extent(0) && gate_up.extent(1) == 2 * d_hidden.extent(1));
  MOESCOPE_CHECK(d_gate_up.extent(0) == gate_up.extent(0) && d_gate_up.extent(1) == gate_up.extent(1));
  using A = Accumulate<T>;
  std::int64_t const m = std::int64_t(d_hidden.extent(1));
  for_each_row(
      exec, "kernels::swiglu_backward", std::int64_t(d_hidden.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t r) {
        for_each_column(team, m, [&](std::int64_t j) {
          A const gate = gate_up(r, j), up = gate_up(r, m + j), d = d_hidden(r, j), s = sigmoid(gate);
          d_gate_up(r, j) = T(d * up * s * (A(1) + gate * (A(1) - s)));
          d_gate_up(r, m + j) = T(d * gate * s);
        });
      });
}

#define INSTANTIATE(T)                                                  \
  template void swiglu<T>(ExecSpace const&, ConstMatrix<T>, Matrix<T>); \
  template void swiglu_backward<T>(ExecSpace const&, ConstMatrix<T>, ConstMatrix<T>, Matrix<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace moescope::kernels
