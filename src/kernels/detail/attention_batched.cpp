#include <cmath>

#include "kernels/detail/attention_parts.hpp"
#include "kernels/detail/attention_tiles.hpp"
#include "kernels/detail/exponential.hpp"
#include "kernels/detail/rows.hpp"
#include "kernels/rounding.hpp"

namespace moescope::kernels {

namespace {

/// Online softmax: scores become exp(score - maximum), and what was summed under the old maximum shrinks to the new one.
/// The first distance is the diagonal, where every row sees at least itself, so the maximum is finite from then on.
template <class A>
void softmax_tiles(ExecSpace const& exec, Tiling const& tiling, std::int64_t distance, std::int64_t head_dim,
                   Matrix<A> const& tiles, Matrix<A> const& maximum, Matrix<A> const& sum, Matrix<A> const& context) {
  for_each_row(
      exec, "kernels::attention_softmax", tiling.sequences * tiling.length * tiling.heads,
      KOKKOS_LAMBDA(Team const& team, std::int64_t index) {
        ScoreRow const row(tiling, distance, index);
        if (row.columns == 0) return;
        A* const scores = &tiles(row.tile_row, 0);
        A const old = maximum(row.token, row.head);
        A const block_maximum = max_columns<A>(team, row.visible, [=](std::int64_t j) { return scores[j]; });
        A const largest = block_maximum > old ? block_maximum : old, shrink = exponential(old - largest);
        for_each_column(team, row.columns,
                        [&](std::int64_t j) { scores[j] = j < row.visible ? exponential(scores[j] - largest) : A(0); });
        team.team_barrier();
        A const block_sum = sum_columns<A>(team, row.visible, [=](std::int64_t j) { return scores[j]; });
        A* const accumulated = &context(row.token, row.head * head_dim);
        for_each_column(team, head_dim, [=](std::int64_t j) { accumulated[j] *= shrink; });
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          maximum(row.token, row.head) = largest;
          sum(row.token, row.head) = sum(row.token, row.head) * shrink + block_sum;
        });
      });
}

/// context /= sum and log_sum_exp = maximum + log(sum), in place of the maximum.
template <class A>
void normalise(ExecSpace const& exec, Tiling const& tiling, std::int64_t head_dim, Matrix<A> const& sum, Matrix<A> const& context,
               Matrix<A> const& log_sum_exp) {
  std::int64_t const heads = tiling.heads;
  for_each_row(
      exec, "kernels::attention_normalise", tiling.sequences * tiling.length * heads,
      KOKKOS_LAMBDA(Team const& team, std::int64_t index) {
        std::int64_t const t = index / heads, head = index % heads;
        A const total = sum(t, head);
        A* const values = &context(t, head * head_dim);
        for_each_column(team, head_dim, [=](std::int64_t j) { values[j] /= total; });
        Kokkos::single(Kokkos::PerTeam(team), [&] { log_sum_exp(t, head) += Kokkos::log(total); });
      });
}

/// Scores become probabilities, and d_probabilities become d_scores = p (d_p - delta); masked ones become 0.
template <class A>
void softmax_tiles_backward(ExecSpace const& exec, Tiling const& tiling, std::int64_t distance, ConstMatrix<A> const& log_sum_exp,
                            ConstMatrix<A> const& delta, Matrix<A> const& probabilities, Matrix<A> const& d_scores) {
  for_each_row(
      exec, "kernels::attention_softmax_backward", tiling.sequences * tiling.length * tiling.heads,
      KOKKOS_LAMBDA(Team const& team, std::int64_t index) {
        ScoreRow const row(tiling, distance, index);
        if (row.columns == 0) return;
        A *const p = &probabilities(row.tile_row, 0), *const d = &d_scores(row.tile_row, 0);
        A const normaliser = log_sum_exp(row.token, row.head), mean = delta(row.token, row.head);
        for_each_column(team, row.columns, [=](std::int64_t j) {
          A const probability = j < row.visible ? exponential(p[j] - normaliser) : A(0);
          p[j] = probability;
          d[j] = probability * (d[j] - mean);
        });
      });
}

}  // namespace

template <class T>
void causal_attention_batched(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv, Matrix<T> context,
                              Matrix<Accumulate<T>> log_sum_exp) {
  using A = Accumulate<T>;
  Tiling const tiling(shape);
  Projections<T const> const from(shape, qkv);
  auto const weighted = sums_of<T>(context);
  Heads<A> const to{weighted.data(), std::int64_t(weighted.stride(0)), shape.head_dim};
  auto const tiles = make_matrix<A>("kernels::attention_tiles", tiling.num_tiles() * tiling.block, tiling.block);
  auto const maximum = log_sum_exp;  // until normalised
  auto const sum = make_matrix<A>("kernels::attention_sum", std::int64_t(context.extent(0)), shape.num_heads);
  Kokkos::deep_copy(exec, weighted, A(0));
  Kokkos::deep_copy(exec, sum, A(0));
  Kokkos::deep_copy(exec, maximum, -Kokkos::Experimental::infinity_v<A>);
  auto const scale = A(1 / std::sqrt(double(shape.head_dim)));
  for (std::int64_t distance = 0; distance < tiling.blocks; ++distance) {
    multiply_into_tiles<T>(exec, shape, tiling, distance, scale, from.query, from.key, tiles);
    softmax_tiles<A>(exec, tiling, distance, shape.head_dim, tiles, maximum, sum, weighted);
    add_tiles_times_keys<T>(exec, shape, tiling, distance, 1, rounded<T>(exec, tiles), from.value, to);
  }
  normalise<A>(exec, tiling, shape.head_dim, sum, weighted, log_sum_exp);
  round_sums<T>(exec, weighted, context);
}

template <class T>
void causal_attention_batched_backward(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv,
                                       ConstMatrix<Accumulate<T>> log_sum_exp, ConstMatrix<Accumulate<T>> delta,
                                       ConstMatrix<T> d_context, Matrix<T> d_qkv) {
  using A = Accumulate<T>;
  Tiling const tiling(shape);
  Projections<T const> const from(shape, qkv);
  auto const sums = sums_of<T>(d_qkv);
  Projections<A> const to(shape, sums);
  Heads<T const> const d_output{d_context.data(), std::int64_t(d_context.stride(0)), shape.head_dim};
  auto const probabilities = make_matrix<A>("kernels::attention_tiles", tiling.num_tiles() * tiling.block, tiling.block);
  auto const d_scores = make_matrix<A>("kernels::attention_d_tiles", tiling.num_tiles() * tiling.block, tiling.block);
  Kokkos::deep_copy(exec, sums, A(0));
  auto const scale = A(1 / std::sqrt(double(shape.head_dim)));
  for (std::int64_t distance = 0; distance < tiling.blocks; ++distance) {
    multiply_into_tiles<T>(exec, shape, tiling, distance, scale, from.query, from.key, probabilities);
    multiply_into_tiles<T>(exec, shape, tiling, distance, 1, d_output, from.value, d_scores);
    softmax_tiles_backward<A>(exec, tiling, distance, log_sum_exp, delta, probabilities, d_scores);
    auto const p = rounded<T>(exec, probabilities), d_p = rounded<T>(exec, d_scores);
    add_tiles_times_queries<T>(exec, shape, tiling, distance, 1, p, d_output, to.value);
    add_tiles_times_queries<T>(exec, shape, tiling, distance, scale, d_p, from.query, to.key);
    add_tiles_times_keys<T>(exec, shape, tiling, distance, scale, d_p, from.key, to.query);
  }
  round_sums<T>(exec, sums, d_qkv);
}

#define MOESCOPE_INSTANTIATE(T)                                                                                              \
  template void causal_attention_batched<T>(ExecSpace const&, AttentionShape const&, ConstMatrix<T>, Matrix<T>,              \
                                            Matrix<Accumulate<T>>);                                                          \
  template void causal_attention_batched_backward<T>(ExecSpace const&, AttentionShape const&, ConstMatrix<T>,                \
                                                     ConstMatrix<Accumulate<T>>, ConstMatrix<Accumulate<T>>, ConstMatrix<T>, \
                                                     Matrix<T>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::kernels
