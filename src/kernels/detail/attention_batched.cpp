#include <cmath>

#include "kernels/detail/attention_parts.hpp"
#include "kernels/detail/attention_tiles.hpp"
#include "kernels/detail/exponential.hpp"
#include "kernels/detail/rows.hpp"

namespace moescope::kernels {

namespace {

/// Online softmax: scores become exp(score - maximum), and what was summed under the old maximum shrinks to the new one.
/// The first distance is the diagonal, where every row sees at least itself, so the maximum is finite from then on.
template <class T>
void softmax_tiles(ExecSpace const& exec, Tiling const& tiling, std::int64_t distance, std::int64_t head_dim,
                   Matrix<T> const& tiles, Matrix<T> const& maximum, Matrix<T> const& sum, Matrix<T> const& context) {
  using A = Accumulate<T>;
  for_each_row(
      exec, "kernels::attention_softmax", tiling.sequences * tiling.length * tiling.heads,
      KOKKOS_LAMBDA(Team const& team, std::int64_t index) {
        ScoreRow const row(tiling, distance, index);
        if (row.columns == 0) return;
        T* const scores = &tiles(row.tile_row, 0);
        A const old = maximum(row.token, row.head);
        A const block_maximum = max_columns<A>(team, row.visible, [=](std::int64_t j) { return A(scores[j]); });
        A const largest = block_maximum > old ? block_maximum : old, shrink = exponential(old - largest);
        for_each_column(team, row.columns,
                        [&](std::int64_t j) { scores[j] = j < row.visible ? T(exponential(A(scores[j]) - largest)) : T(0); });
        team.team_barrier();
        A const block_sum = sum_columns<A>(team, row.visible, [=](std::int64_t j) { return A(scores[j]); });
        T* const accumulated = &context(row.token, row.head * head_dim);
        for_each_column(team, head_dim, [=](std::int64_t j) { accumulated[j] *= T(shrink); });
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          maximum(row.token, row.head) = T(largest);
          sum(row.token, row.head) = T(A(sum(row.token, row.head)) * shrink + block_sum);
        });
      });
}

/// context /= sum and log_sum_exp = maximum + log(sum), in place of the maximum.
template <class T>
void normalise(ExecSpace const& exec, Tiling const& tiling, std::int64_t head_dim, Matrix<T> const& sum, Matrix<T> const& context,
               Matrix<T> const& log_sum_exp) {
  std::int64_t const heads = tiling.heads;
  for_each_row(
      exec, "kernels::attention_normalise", tiling.sequences * tiling.length * heads,
      KOKKOS_LAMBDA(Team const& team, std::int64_t index) {
        std::int64_t const t = index / heads, head = index % heads;
        T const total = sum(t, head);
        T* const values = &context(t, head * head_dim);
        for_each_column(team, head_dim, [=](std::int64_t j) { values[j] /= total; });
        Kokkos::single(Kokkos::PerTeam(team), [&] { log_sum_exp(t, head) += Kokkos::log(total); });
      });
}

/// Scores become probabilities, and d_probabilities become d_scores = p (d_p - delta); masked ones become 0.
template <class T>
void softmax_tiles_backward(ExecSpace const& exec, Tiling const& tiling, std::int64_t distance, ConstMatrix<T> const& log_sum_exp,
                            ConstMatrix<T> const& delta, Matrix<T> const& probabilities, Matrix<T> const& d_scores) {
  using A = Accumulate<T>;
  for_each_row(
      exec, "kernels::attention_softmax_backward", tiling.sequences * tiling.length * tiling.heads,
      KOKKOS_LAMBDA(Team const& team, std::int64_t index) {
        ScoreRow const row(tiling, distance, index);
        if (row.columns == 0) return;
        T *const p = &probabilities(row.tile_row, 0), *const d = &d_scores(row.tile_row, 0);
        A const normaliser = log_sum_exp(row.token, row.head), mean = delta(row.token, row.head);
        for_each_column(team, row.columns, [=](std::int64_t j) {
          A const probability = j < row.visible ? exponential(A(p[j]) - normaliser) : A(0);
          p[j] = T(probability);
          d[j] = T(probability * (A(d[j]) - mean));
        });
      });
}

}  // namespace

template <class T>
void causal_attention_batched(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv, Matrix<T> context,
                              Matrix<T> log_sum_exp) {
  Tiling const tiling(shape);
  Projections<T const> const from(shape, qkv);
  Heads<T> const to{context.data(), std::int64_t(context.stride(0)), shape.head_dim};
  auto const tiles = make_matrix<T>("kernels::attention_tiles", tiling.num_tiles() * tiling.block, tiling.block);
  auto const maximum = log_sum_exp;  // until normalised
  auto const sum = make_matrix<T>("kernels::attention_sum", std::int64_t(context.extent(0)), shape.num_heads);
  Kokkos::deep_copy(exec, context, T(0));
  Kokkos::deep_copy(exec, sum, T(0));
  Kokkos::deep_copy(exec, maximum, -Kokkos::Experimental::infinity_v<T>);
  auto const scale = T(1 / std::sqrt(double(shape.head_dim)));
  for (std::int64_t distance = 0; distance < tiling.blocks; ++distance) {
    multiply_into_tiles<T>(exec, shape, tiling, distance, scale, from.query, from.key, tiles);
    softmax_tiles<T>(exec, tiling, distance, shape.head_dim, tiles, maximum, sum, context);
    add_tiles_times_keys<T>(exec, shape, tiling, distance, T(1), tiles, from.value, to);
  }
  normalise<T>(exec, tiling, shape.head_dim, sum, context, log_sum_exp);
}

template <class T>
void causal_attention_batched_backward(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv,
                                       ConstMatrix<T> log_sum_exp, ConstMatrix<T> delta, ConstMatrix<T> d_context,
                                       Matrix<T> d_qkv) {
  Tiling const tiling(shape);
  Projections<T const> const from(shape, qkv);
  Projections<T> const to(shape, d_qkv);
  Heads<T const> const d_output{d_context.data(), std::int64_t(d_context.stride(0)), shape.head_dim};
  auto const probabilities = make_matrix<T>("kernels::attention_tiles", tiling.num_tiles() * tiling.block, tiling.block);
  auto const d_scores = make_matrix<T>("kernels::attention_d_tiles", tiling.num_tiles() * tiling.block, tiling.block);
  Kokkos::deep_copy(exec, d_qkv, T(0));
  auto const scale = T(1 / std::sqrt(double(shape.head_dim)));
  for (std::int64_t distance = 0; distance < tiling.blocks; ++distance) {
    multiply_into_tiles<T>(exec, shape, tiling, distance, scale, from.query, from.key, probabilities);
    multiply_into_tiles<T>(exec, shape, tiling, distance, T(1), d_output, from.value, d_scores);
    softmax_tiles_backward<T>(exec, tiling, distance, log_sum_exp, delta, probabilities, d_scores);
    add_tiles_times_queries<T>(exec, shape, tiling, distance, T(1), probabilities, d_output, to.value);
    add_tiles_times_queries<T>(exec, shape, tiling, distance, scale, d_scores, from.query, to.key);
    add_tiles_times_keys<T>(exec, shape, tiling, distance, scale, d_scores, from.key, to.query);
  }
}

#define INSTANTIATE(T)                                                                                                        \
  template void causal_attention_batched<T>(ExecSpace const&, AttentionShape const&, ConstMatrix<T>, Matrix<T>, Matrix<T>);   \
  template void causal_attention_batched_backward<T>(ExecSpace const&, AttentionShape const&, ConstMatrix<T>, ConstMatrix<T>, \
                                                     ConstMatrix<T>, ConstMatrix<T>, Matrix<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace moescope::kernels
