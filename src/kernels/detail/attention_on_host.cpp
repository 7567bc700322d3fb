#include <cmath>

#include "base/range.hpp"
#include "kernels/backend/gemm_backend.hpp"
#include "kernels/detail/attention_parts.hpp"
#include "kernels/detail/attention_tiles.hpp"
#include "kernels/detail/exponential.hpp"
#include "kernels/detail/rows.hpp"
#include "kernels/rounding.hpp"

namespace moescope::kernels {

namespace {

using Host = Kokkos::DefaultHostExecutionSpace;

/// `size` sums, and behind them room for as many operands where T is not its own accumulation type.
template <class T>
constexpr std::size_t scratch_bytes(std::int64_t size) {
  return std::size_t(size) * (sizeof(Accumulate<T>) + (std::is_same_v<T, Accumulate<T>> ? 0 : sizeof(T)));
}

/// Sums of a scratch, to be multiplied on: their numbers [begin, end), of which there are `size` in all.
template <class T>
T const* operands(Accumulate<T>* sums, std::int64_t size, Range part) {
  if constexpr (std::is_same_v<T, Accumulate<T>>) {
    return sums + part.begin;
  } else {
    auto* const rounded = reinterpret_cast<T*>(sums + size);
    for (auto j = part.begin; j < part.end; ++j) rounded[j] = T(sums[j]);
    return rounded + part.begin;
  }
}

/// body(task, scratch of `size` numbers) for each task, whichever thread is free taking the next.
template <class T, class Body>
void for_each_task(char const* label, std::int64_t num_tasks, std::int64_t size, Body const& body) {
  using Policy = Kokkos::TeamPolicy<Host, Kokkos::Schedule<Kokkos::Dynamic>>;
  if (num_tasks == 0) return;
  auto const bytes = scratch_bytes<T>(size);
  auto const policy = Policy(int(num_tasks), 1).set_chunk_size(1).set_scratch_size(1, Kokkos::PerTeam(bytes));
  Kokkos::parallel_for(label, policy, [&](Policy::member_type const& team) {
    body(std::int64_t(team.league_rank()), static_cast<Accumulate<T>*>(team.team_scratch(1).get_shmem(bytes)));
  });
}

template <class T>
void multiply(Transpose transpose_a, Transpose transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, Accumulate<T> alpha,
              T const* a, std::int64_t lda, T const* b, std::int64_t ldb, Accumulate<T> beta, Accumulate<T>* c,
              std::int64_t ldc) {
  backend::gemm_one_thread(
      GemmArguments<T, Accumulate<T>>{transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc});
}

template <class A>
A sum(A const* values, std::int64_t n) {
  return detail::combine_in_lanes(
      n, A(0), [=](std::int64_t j) { return values[j]; }, [](A a, A b) { return a + b; });
}

template <class A>
A largest(A const* values, std::int64_t n) {
  return detail::combine_in_lanes(
      n, -Kokkos::Experimental::infinity_v<A>, [=](std::int64_t j) { return values[j]; }, [](A a, A b) { return a < b ? b : a; });
}

/// Online softmax of one row (Milakov and Gimelshein 2018): scores become exp(score - maximum), those beyond `visible` 0.
/// Returns what everything summed under the old maximum is to be multiplied with.
template <class A>
A softmax_row(A* scores, std::int64_t visible, std::int64_t columns, A& maximum, A& total) {
  A const found = largest(scores, visible), now = found > maximum ? found : maximum, shrink = exponential(maximum - now);
  for (std::int64_t j = 0; j < visible; ++j) scores[j] = exponential(scores[j] - now);
  for (std::int64_t j = visible; j < columns; ++j) scores[j] = 0;
  total = total * shrink + sum(scores, visible);
  maximum = now;
  return shrink;
}

/// Query block i of one head against all key blocks up to its own, which comes first: there each row sees at least itself, so
/// that its maximum is finite from then on.
template <class T>
void attend(AttentionShape const& shape, Tiling const& tiling, std::int64_t task, Projections<T const> const& from,
            Heads<Accumulate<T>> const& to, Matrix<Accumulate<T>> const& log_sum_exp, Accumulate<T>* scores) {
  using A = Accumulate<T>;
  std::int64_t const i = task % tiling.blocks, head = task / tiling.blocks % tiling.heads, d = shape.head_dim;
  std::int64_t const first = task / tiling.blocks / tiling.heads * tiling.length, query = first + i * tiling.block;
  std::int64_t const rows = tiling.rows_of(i), kv = shape.kv_of_head[std::size_t(head)];
  auto const scale = A(1 / std::sqrt(double(d)));
  A maximum[largest_block], total[largest_block];
  std::fill_n(maximum, rows, -Kokkos::Experimental::infinity_v<A>);
  std::fill_n(total, rows, A(0));
  for (std::int64_t j = i; j >= 0; --j) {
    std::int64_t const key = first + j * tiling.block, columns = tiling.rows_of(j);
    multiply<T>(Transpose::no, Transpose::yes, rows, columns, d, scale, from.query.at(query, head), from.query.stride,
                from.key.at(key, kv), from.key.stride, 0, scores, tiling.block);
    for (std::int64_t r = 0; r < rows; ++r) {
      A const shrink = softmax_row(scores + r * tiling.block, j == i ? r + 1 : columns, columns, maximum[r], total[r]);
      if (j == i || shrink == 1) continue;
      A* const context = to.at(query + r, head);
      for (std::int64_t c = 0; c < d; ++c) context[c] *= shrink;
    }
    auto const* const p = operands<T>(scores, tiling.block * tiling.block, {0, rows * tiling.block});
    multiply<T>(Transpose::no, Transpose::no, rows, d, columns, 1, p, tiling.block, from.value.at(key, kv), from.value.stride,
                j == i ? 0 : 1, to.at(query, head), to.stride);
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    A* const context = to.at(query + r, head);
    for (std::int64_t c = 0; c < d; ++c) context[c] /= total[r];
    log_sum_exp(query + r, head) = maximum[r] + std::log(total[r]);
  }
}

/// Scores become probabilities, and d_probabilities d_scores = p (d_p - delta); masked ones become 0.
template <class A>
void softmax_row_backward(A* scores, A* d_scores, std::int64_t visible, std::int64_t columns, A log_sum_exp, A delta) {
  for (std::int64_t j = 0; j < visible; ++j) {
    A const probability = exponential(scores[j] - log_sum_exp);
    scores[j] = probability;
    d_scores[j] = probability * (d_scores[j] - delta);
  }
  for (std::int64_t j = visible; j < columns; ++j) scores[j] = d_scores[j] = 0;
}

/// What one tile adds to the gradients. The tiles at distance 0 come first and assign.
template <class T>
struct BackwardPass {
  using A = Accumulate<T>;
  AttentionShape const& shape;
  Tiling tiling;
  Projections<T const> from;
  Projections<A> to;
  Heads<T const> d_context;
  ConstMatrix<A> log_sum_exp, delta;

  /// The heads that read KV head `kv`, in order, so that their sums have one.
  void add_tiles(std::int64_t sequence, std::int64_t kv, std::int64_t i, std::int64_t distance, A* scratch) const {
    bool first = distance == 0;
    for (std::int64_t head = 0; head < tiling.heads; ++head) {
      if (shape.kv_of_head[std::size_t(head)] != kv) continue;
      add_tile(sequence * tiling.length, head, kv, i, i - distance, first ? 0 : 1, scratch);
      first = false;
    }
  }

  void add_tile(std::int64_t first, std::int64_t head, std::int64_t kv, std::int64_t i, std::int64_t j, A beta, A* scores) const {
    std::int64_t const query = first + i * tiling.block, key = first + j * tiling.block, block = tiling.block;
    std::int64_t const rows = tiling.rows_of(i), columns = tiling.rows_of(j), d = shape.head_dim;
    auto const scale = A(1 / std::sqrt(double(d)));
    A* const d_scores = scores + block * block;
    multiply<T>(Transpose::no, Transpose::yes, rows, columns, d, scale, from.query.at(query, head), from.query.stride,
                from.key.at(key, kv), from.key.stride, 0, scores, block);
    multiply<T>(Transpose::no, Transpose::yes, rows, columns, d, 1, d_context.at(query, head), d_context.stride,
                from.value.at(key, kv), from.value.stride, 0, d_scores, block);
    for (std::int64_t r = 0; r < rows; ++r) {
      softmax_row_backward(scores + r * block, d_scores + r * block, i == j ? r + 1 : columns, columns,
                           log_sum_exp(query + r, head), delta(query + r, head));
    }
    auto const *const p = operands<T>(scores, 2 * block * block, {0, rows * block}), *const d_p = operands<T>(
                                                                                         scores, 2 * block * block,
                                                                                         {block * block,
                                                                                          block * block + rows * block});
    multiply<T>(Transpose::yes, Transpose::no, columns, d, rows, 1, p, block, d_context.at(query, head), d_context.stride, beta,
                to.value.at(key, kv), to.value.stride);
    multiply<T>(Transpose::yes, Transpose::no, columns, d, rows, scale, d_p, block, from.query.at(query, head), from.query.stride,
                beta, to.key.at(key, kv), to.key.stride);
    multiply<T>(Transpose::no, Transpose::no, rows, d, columns, scale, d_p, block, from.key.at(key, kv), from.key.stride,
                i == j ? 0 : 1, to.query.at(query, head), to.query.stride);
  }
};

/// What the products of all tiles cost, `products` for each.
double tile_flops(AttentionShape const& shape, Tiling const& tiling, double products) {
  double elements = 0;
  for (std::int64_t i = 0; i < tiling.blocks; ++i)
    for (std::int64_t j = 0; j <= i; ++j) elements += double(tiling.rows_of(i)) * double(tiling.rows_of(j));
  return 2 * products * elements * double(shape.head_dim) * double(tiling.sequences * tiling.heads);
}

}  // namespace

template <class T>
void causal_attention_on_host(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv, Matrix<T> context,
                              Matrix<Accumulate<T>> log_sum_exp) {
  Tiling const tiling(shape);
  Projections<T const> const from(shape, qkv);
  auto const sums = sums_of<T>(context);
  Heads<Accumulate<T>> const to{sums.data(), std::int64_t(sums.stride(0)), shape.head_dim};
  exec.fence("kernels::attention");
  for_each_task<T>(
      "kernels::attention", tiling.num_tiles(), tiling.block * tiling.block,
      [&](std::int64_t task, Accumulate<T>* scores) { attend<T>(shape, tiling, task, from, to, log_sum_exp, scores); });
  round_sums<T>(exec, sums, context);
  add_executed_gemm_flops(tile_flops(shape, tiling, 2));
}

template <class T>
void causal_attention_on_host_backward(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv,
                                       ConstMatrix<Accumulate<T>> log_sum_exp, ConstMatrix<Accumulate<T>> delta,
                                       ConstMatrix<T> d_context, Matrix<T> d_qkv) {
  Tiling const tiling(shape);
  auto const sums = sums_of<T>(d_qkv);
  BackwardPass<T> const pass{shape,
                             tiling,
                             Projections<T const>(shape, qkv),
                             Projections<Accumulate<T>>(shape, sums),
                             {d_context.data(), std::int64_t(d_context.stride(0)), shape.head_dim},
                             log_sum_exp,
                             delta};
  exec.fence("kernels::attention_backward");
  for (std::int64_t distance = 0; distance < tiling.blocks; ++distance) {
    std::int64_t const tiles = tiling.blocks - distance, kv_heads = shape.num_kv_heads;
    for_each_task<T>("kernels::attention_backward", tiling.sequences * kv_heads * tiles, 2 * tiling.block * tiling.block,
                     [&](std::int64_t task, Accumulate<T>* scratch) {
                       pass.add_tiles(task / tiles / kv_heads, task / tiles % kv_heads, distance + task % tiles, distance,
                                      scratch);
                     });
  }
  round_sums<T>(exec, sums, d_qkv);
  add_executed_gemm_flops(tile_flops(shape, tiling, 5));
}

#define MOESCOPE_INSTANTIATE(T)                                                                                              \
  template void causal_attention_on_host<T>(ExecSpace const&, AttentionShape const&, ConstMatrix<T>, Matrix<T>,              \
                                            Matrix<Accumulate<T>>);                                                          \
  template void causal_attention_on_host_backward<T>(ExecSpace const&, AttentionShape const&, ConstMatrix<T>,                \
                                                     ConstMatrix<Accumulate<T>>, ConstMatrix<Accumulate<T>>, ConstMatrix<T>, \
                                                     Matrix<T>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::kernels
