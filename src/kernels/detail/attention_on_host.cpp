#include <cmath>

#include "kernels/backend/gemm_backend.hpp"
#include "kernels/detail/attention_parts.hpp"
#include "kernels/detail/attention_tiles.hpp"
#include "kernels/detail/exponential.hpp"
#include "kernels/detail/rows.hpp"

namespace moescope::kernels {

namespace {

using Host = Kokkos::DefaultHostExecutionSpace;

/// body(task, scratch of `size` numbers) for each task, whichever thread is free taking the next.
template <class T, class Body>
void for_each_task(char const* label, std::int64_t num_tasks, std::int64_t size, Body const& body) {
  using Policy = Kokkos::TeamPolicy<Host, Kokkos::Schedule<Kokkos::Dynamic>>;
  if (num_tasks == 0) return;
  auto const policy =
      Policy(int(num_tasks), 1).set_chunk_size(1).set_scratch_size(1, Kokkos::PerTeam(std::size_t(size) * sizeof(T)));
  Kokkos::parallel_for(label, policy, [&](Policy::member_type const& team) {
    body(std::int64_t(team.league_rank()), static_cast<T*>(team.team_scratch(1).get_shmem(std::size_t(size) * sizeof(T))));
  });
}

template <class T>
void multiply(Transpose transpose_a, Transpose transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, T alpha, T const* a,
              std::int64_t lda, T const* b, std::int64_t ldb, T beta, T* c, std::int64_t ldc) {
  backend::gemm_one_thread(GemmArguments<T>{transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc});
}

template <class T>
T sum(T const* values, std::int64_t n) {
  return detail::combine_in_lanes(
      n, T(0), [=](std::int64_t j) { return values[j]; }, [](T a, T b) { return a + b; });
}

template <class T>
T largest(T const* values, std::int64_t n) {
  return detail::combine_in_lanes(
      n, -Kokkos::Experimental::infinity_v<T>, [=](std::int64_t j) { return values[j]; }, [](T a, T b) { return a < b ? b : a; });
}

/// Online softmax of one row (Milakov and Gimelshein 2018): scores become exp(score - maximum), those beyond `visible` 0.
/// Returns what everything summed under the old maximum is to be multiplied with.
template <class T>
T softmax_row(T* scores, std::int64_t visible, std::int64_t columns, T& maximum, T& total) {
  T const found = largest(scores, visible), now = found > maximum ? found : maximum, shrink = exponential(maximum - now);
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
            Heads<T> const& to, Matrix<T> const& log_sum_exp, T* scores) {
  std::int64_t const i = task % tiling.blocks, head = task / tiling.blocks % tiling.heads, d = shape.head_dim;
  std::int64_t const first = task / tiling.blocks / tiling.heads * tiling.length, query = first + i * tiling.block;
  std::int64_t const rows = tiling.rows_of(i), kv = shape.kv_of_head[std::size_t(head)];
  auto const scale = T(1 / std::sqrt(double(d)));
  T maximum[largest_block], total[largest_block];
  std::fill_n(maximum, rows, -Kokkos::Experimental::infinity_v<T>);
  std::fill_n(total, rows, T(0));
  for (std::int64_t j = i; j >= 0; --j) {
    std::int64_t const key = first + j * tiling.block, columns = tiling.rows_of(j);
    multiply(Transpose::no, Transpose::yes, rows, columns, d, scale, from.query.at(query, head), from.query.stride,
             from.key.at(key, kv), from.key.stride, T(0), scores, tiling.block);
    for (std::int64_t r = 0; r < rows; ++r) {
      T const shrink = softmax_row(scores + r * tiling.block, j == i ? r + 1 : columns, columns, maximum[r], total[r]);
      if (j == i || shrink == 1) continue;
      T* const context = to.at(query + r, head);
      for (std::int64_t c = 0; c < d; ++c) context[c] *= shrink;
    }
    multiply(Transpose::no, Transpose::no, rows, d, columns, T(1), static_cast<T const*>(scores), tiling.block,
             from.value.at(key, kv), from.value.stride, j == i ? T(0) : T(1), to.at(query, head), to.stride);
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    T* const context = to.at(query + r, head);
    for (std::int64_t c = 0; c < d; ++c) context[c] /= total[r];
    log_sum_exp(query + r, head) = maximum[r] + std::log(total[r]);
  }
}

/// Scores become probabilities, and d_probabilities d_scores = p (d_p - delta); masked ones become 0.
template <class T>
void softmax_row_backward(T* scores, T* d_scores, std::int64_t visible, std::int64_t columns, T log_sum_exp, T delta) {
  for (std::int64_t j = 0; j < visible; ++j) {
    T const probability = exponential(scores[j] - log_sum_exp);
    scores[j] = probability;
    d_scores[j] = probability * (d_scores[j] - delta);
  }
  for (std::int64_t j = visible; j < columns; ++j) scores[j] = d_scores[j] = 0;
}

/// What one tile adds to the gradients. The tiles at distance 0 come first and assign.
template <class T>
struct BackwardPass {
  AttentionShape const& shape;
  Tiling tiling;
  Projections<T const> from;
  Projections<T> to;
  Heads<T const> d_context;
  ConstMatrix<T> log_sum_exp, delta;

  /// The heads that read KV head `kv`, in order, so that their sums have one.
  void add_tiles(std::int64_t sequence, std::int64_t kv, std::int64_t i, std::int64_t distance, T* scratch) const {
    bool first = distance == 0;
    for (std::int64_t head = 0; head < tiling.heads; ++head) {
      if (shape.kv_of_head[std::size_t(head)] != kv) continue;
      add_tile(sequence * tiling.length, head, kv, i, i - distance, first ? T(0) : T(1), scratch);
      first = false;
    }
  }

  void add_tile(std::int64_t first, std::int64_t head, std::int64_t kv, std::int64_t i, std::int64_t j, T beta, T* scores) const {
    std::int64_t const query = first + i * tiling.block, key = first + j * tiling.block, block = tiling.block;
    std::int64_t const rows = tiling.rows_of(i), columns = tiling.rows_of(j), d = shape.head_dim;
    auto const scale = T(1 / std::sqrt(double(d)));
    T* const d_scores = scores + block * block;
    auto const *const p = scores, *const d_p = d_scores;
    multiply(Transpose::no, Transpose::yes, rows, columns, d, scale, from.query.at(query, head), from.query.stride,
             from.key.at(key, kv), from.key.stride, T(0), scores, block);
    multiply(Transpose::no, Transpose::yes, rows, columns, d, T(1), d_context.at(query, head), d_context.stride,
             from.value.at(key, kv), from.value.stride, T(0), d_scores, block);
    for (std::int64_t r = 0; r < rows; ++r) {
      softmax_row_backward(scores + r * block, d_scores + r * block, i == j ? r + 1 : columns, columns,
                           log_sum_exp(query + r, head), delta(query + r, head));
    }
    multiply(Transpose::yes, Transpose::no, columns, d, rows, T(1), p, block, d_context.at(query, head), d_context.stride, beta,
             to.value.at(key, kv), to.value.stride);
    multiply(Transpose::yes, Transpose::no, columns, d, rows, scale, d_p, block, from.query.at(query, head), from.query.stride,
             beta, to.key.at(key, kv), to.key.stride);
    multiply(Transpose::no, Transpose::no, rows, d, columns, scale, d_p, block, from.key.at(key, kv), from.key.stride,
             i == j ? T(0) : T(1), to.query.at(query, head), to.query.stride);
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
                              Matrix<T> log_sum_exp) {
  Tiling const tiling(shape);
  Projections<T const> const from(shape, qkv);
  Heads<T> const to{context.data(), std::int64_t(context.stride(0)), shape.head_dim};
  exec.fence("kernels::attention");
  for_each_task<T>("kernels::attention", tiling.num_tiles(), tiling.block * tiling.block,
                   [&](std::int64_t task, T* scores) { attend<T>(shape, tiling, task, from, to, log_sum_exp, scores); });
  add_executed_gemm_flops(tile_flops(shape, tiling, 2));
}

template <class T>
void causal_attention_on_host_backward(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv,
                                       ConstMatrix<T> log_sum_exp, ConstMatrix<T> delta, ConstMatrix<T> d_context,
                                       Matrix<T> d_qkv) {
  Tiling const tiling(shape);
  BackwardPass<T> const pass{shape,
                             tiling,
                             Projections<T const>(shape, qkv),
                             Projections<T>(shape, d_qkv),
                             {d_context.data(), std::int64_t(d_context.stride(0)), shape.head_dim},
                             log_sum_exp,
                             delta};
  exec.fence("kernels::attention_backward");
  for (std::int64_t distance = 0; distance < tiling.blocks; ++distance) {
    std::int64_t const tiles = tiling.blocks - distance, kv_heads = shape.num_kv_heads;
    for_each_task<T>("kernels::attention_backward", tiling.sequences * kv_heads * tiles, 2 * tiling.block * tiling.block,
                     [&](std::int64_t task, T* scratch) {
                       pass.add_tiles(task / tiles / kv_heads, task / tiles % kv_heads, distance + task % tiles, distance,
                                      scratch);
                     });
  }
  add_executed_gemm_flops(tile_flops(shape, tiling, 5));
}

#define INSTANTIATE(T)                                                                                                        \
  template void causal_attention_on_host<T>(ExecSpace const&, AttentionShape const&, ConstMatrix<T>, Matrix<T>, Matrix<T>);   \
  template void causal_attention_on_host_backward<T>(ExecSpace const&, AttentionShape const&, ConstMatrix<T>, ConstMatrix<T>, \
                                                     ConstMatrix<T>, ConstMatrix<T>, Matrix<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace moescope::kernels
