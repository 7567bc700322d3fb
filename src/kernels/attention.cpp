#include "kernels/attention.hpp"

#include "base/error.hpp"
#include "kernels/detail/attention_parts.hpp"
#include "kernels/detail/rows.hpp"

namespace moescope::kernels {

namespace {

constexpr bool on_host = Kokkos::SpaceAccessibility<Kokkos::HostSpace, MemSpace>::accessible;

/// delta[t, head] = <d_context, context> of that head.
template <class T>
Matrix<Accumulate<T>> head_dots(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> const& a,
                                ConstMatrix<T> const& b) {
  auto const result = make_matrix<Accumulate<T>>("kernels::attention_delta", std::int64_t(a.extent(0)), shape.num_heads);
  std::int64_t const heads = shape.num_heads, head_dim = shape.head_dim;
  for_each_row(
      exec, "kernels::attention_delta", std::int64_t(a.extent(0)) * heads, KOKKOS_LAMBDA(Team const& team, std::int64_t index) {
        std::int64_t const t = index / heads, head = index % heads;
        T const *const x = &a(t, head * head_dim), *const y = &b(t, head * head_dim);
        auto const dot =
            sum_columns<Accumulate<T>>(team, head_dim, [=](std::int64_t j) { return Accumulate<T>(x[j]) * Accumulate<T>(y[j]); });
        Kokkos::single(Kokkos::PerTeam(team), [&] { result(t, head) = dot; });
      });
  return result;
}

template <class T>
void check(AttentionShape const& shape, ConstMatrix<T> const& qkv, ConstMatrix<T> const& context,
           ConstMatrix<Accumulate<T>> const& log_sum_exp) {
  auto const num_tokens = std::size_t(shape.sequences * shape.sequence_length);
  MOESCOPE_CHECK(qkv.extent(0) == num_tokens && std::int64_t(qkv.extent(1)) == shape.qkv_columns());
  MOESCOPE_CHECK(context.extent(0) == num_tokens && std::int64_t(context.extent(1)) == shape.num_heads * shape.head_dim);
  MOESCOPE_CHECK(log_sum_exp.extent(0) == num_tokens && std::int64_t(log_sum_exp.extent(1)) == shape.num_heads);
  MOESCOPE_CHECK(std::int64_t(shape.kv_of_head.size()) == shape.num_heads);
}

}  // namespace

template <class T>
void causal_attention(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv, Matrix<T> context,
                      Matrix<Accumulate<T>> log_sum_exp) {
  check<T>(shape, qkv, context, log_sum_exp);
  if constexpr (on_host) {
    causal_attention_on_host<T>(exec, shape, qkv, context, log_sum_exp);
  } else {
    causal_attention_batched<T>(exec, shape, qkv, context, log_sum_exp);
  }
}

template <class T>
void causal_attention_backward(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv, ConstMatrix<T> context,
                               ConstMatrix<Accumulate<T>> log_sum_exp, ConstMatrix<T> d_context, Matrix<T> d_qkv) {
  check<T>(shape, qkv, context, log_sum_exp);
  check<T>(shape, d_qkv, d_context, log_sum_exp);
  auto const delta = head_dots<T>(exec, shape, d_context, context);
  if constexpr (on_host) {
    causal_attention_on_host_backward<T>(exec, shape, qkv, log_sum_exp, delta, d_context, d_qkv);
  } else {
    causal_attention_batched_backward<T>(exec, shape, qkv, log_sum_exp, delta, d_context, d_qkv);
  }
}

#define MOESCOPE_INSTANTIATE(T)                                                                                                 \
  template void causal_attention<T>(ExecSpace const&, AttentionShape const&, ConstMatrix<T>, Matrix<T>, Matrix<Accumulate<T>>); \
  template void causal_attention_backward<T>(ExecSpace const&, AttentionShape const&, ConstMatrix<T>, ConstMatrix<T>,           \
                                             ConstMatrix<Accumulate<T>>, ConstMatrix<T>, Matrix<T>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::kernels
