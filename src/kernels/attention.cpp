#include "kernels/attention.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "kernels/exponential.hpp"
#include "kernels/gemm.hpp"
#include "kernels/rows.hpp"

namespace moescope::kernels {

namespace {

constexpr std::int64_t largest_block = 128;

/// Positions of a sequence cut into blocks; a tile is one head's scores between two blocks. Work proceeds by distance:
/// the tiles (query block i, key block i - distance) of all sequences, heads and i are independent products. They are
/// kept in a matrix [num_tiles * block, block], as large as one row of `block` scores per token and head.
struct Tiling {
  std::int64_t sequences, length, heads, block, blocks;

  explicit Tiling(AttentionShape const& shape)
      : sequences(shape.sequences),
        length(shape.sequence_length),
        heads(shape.num_heads),
        block(std::clamp<std::int64_t>(length, 1, largest_block)),
        blocks((length + block - 1) / block) {}

  std::int64_t num_tiles() const { return sequences * heads * blocks; }
  std::int64_t rows_of(std::int64_t b) const { return std::min(block, length - b * block); }
};

/// What one row of scores at some distance is: filled in on the device.
struct ScoreRow {
  std::int64_t token, head, tile_row, visible, columns;  ///< visible of `columns` keys are not masked; 0 without such a tile

  KOKKOS_INLINE_FUNCTION ScoreRow(Tiling const& tiling, std::int64_t distance, std::int64_t row)
      : token(row / tiling.heads), head(row % tiling.heads) {
    std::int64_t const position = token % tiling.length, i = position / tiling.block, r = position % tiling.block;
    tile_row = ((token / tiling.length * tiling.heads + head) * tiling.blocks + i) * tiling.block + r;
    std::int64_t const rest = tiling.length - i * tiling.block;
    columns = i < distance ? 0 : distance > 0 || rest > tiling.block ? tiling.block : rest;
    visible = i < distance ? 0 : distance > 0 ? tiling.block : r + 1;
  }
};

/// One operand of the tile products: `block` positions x head_dim columns, at column `column(head)` of a [T, stride] matrix.
template <class T>
struct Heads {
  T* data;
  std::int64_t stride, head_dim;
  T* at(std::int64_t token, std::int64_t head) const { return data + token * stride + head * head_dim; }
};

/// The blocks of the projections inside a qkv-shaped matrix.
template <class T>
struct Projections {
  Heads<T> query, key, value;
  template <class M>
  Projections(AttentionShape const& shape, M const& qkv)
      : query{qkv.data(), std::int64_t(qkv.stride(0)), shape.head_dim},
        key{qkv.data() + shape.num_heads * shape.head_dim, query.stride, shape.head_dim},
        value{key.data + shape.num_kv_heads * shape.head_dim, query.stride, shape.head_dim} {}
};

/// Calls body(head, first query token, first key token, query rows, key rows, offset of the tile) for every tile at `distance`.
template <class Body>
void for_each_tile(Tiling const& tiling, std::int64_t distance, Body const& body) {
  for (std::int64_t s = 0; s < tiling.sequences; ++s)
    for (std::int64_t head = 0; head < tiling.heads; ++head)
      for (std::int64_t i = distance; i < tiling.blocks; ++i) {
        std::int64_t const j = i - distance, first = s * tiling.length;
        std::int64_t const tile = ((s * tiling.heads + head) * tiling.blocks + i) * tiling.block * tiling.block;
        body(head, first + i * tiling.block, first + j * tiling.block, tiling.rows_of(i), tiling.rows_of(j), tile);
      }
}

/// tiles = alpha * rows_of_queries rows_of_keys^T: scores from (query, key), d_probabilities from (d_context, value).
template <class T>
void multiply_into_tiles(ExecSpace const& exec, AttentionShape const& shape, Tiling const& tiling, std::int64_t distance, T alpha,
                         Heads<T const> const& of_query, Heads<T const> const& of_key, Matrix<T> const& tiles) {
  std::vector<GemmArguments<T>> products;
  for_each_tile(tiling, distance, [&](auto head, auto query, auto key, auto rows, auto columns, auto tile) {
    products.push_back({Transpose::no, Transpose::yes, rows, columns, shape.head_dim, alpha, of_query.at(query, head),
                        of_query.stride, of_key.at(key, shape.kv_of_head[std::size_t(head)]), of_key.stride, T(0),
                        tiles.data() + tile, tiling.block});
  });
  batched_gemm<T>(exec, products);
}

/// result (of the query's head) += alpha * tile rows_of_keys.
template <class T>
void add_tiles_times_keys(ExecSpace const& exec, AttentionShape const& shape, Tiling const& tiling, std::int64_t distance,
                          T alpha, Matrix<T> const& tiles, Heads<T const> const& of_key, Heads<T> const& result) {
  std::vector<GemmArguments<T>> products;
  for_each_tile(tiling, distance, [&](auto head, auto query, auto key, auto rows, auto columns, auto tile) {
    products.push_back({Transpose::no, Transpose::no, rows, shape.head_dim, columns, alpha, tiles.data() + tile, tiling.block,
                        of_key.at(key, shape.kv_of_head[std::size_t(head)]), of_key.stride, T(1), result.at(query, head),
                        result.stride});
  });
  batched_gemm<T>(exec, products);
}

/// result (of the key's head) += alpha * tile^T rows_of_queries. Query heads that share a KV head take turns, in order.
template <class T>
void add_tiles_times_queries(ExecSpace const& exec, AttentionShape const& shape, Tiling const& tiling, std::int64_t distance,
                             T alpha, Matrix<T> const& tiles, Heads<T const> const& of_query, Heads<T> const& result) {
  std::vector<std::int64_t> const& kv = shape.kv_of_head;
  std::vector<std::vector<GemmArguments<T>>> turns;
  for_each_tile(tiling, distance, [&](auto head, auto query, auto key, auto rows, auto columns, auto tile) {
    auto const turn = std::size_t(std::count(kv.begin(), kv.begin() + head, kv[std::size_t(head)]));
    turns.resize(std::max(turns.size(), turn + 1));
    turns[turn].push_back({Transpose::yes, Transpose::no, columns, shape.head_dim, rows, alpha, tiles.data() + tile, tiling.block,
                           of_query.at(query, head), of_query.stride, T(1), result.at(key, kv[std::size_t(head)]),
                           result.stride});
  });
  for (auto const& products : turns) batched_gemm<T>(exec, products);
}

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

/// delta[t, head] = <d_context, context> of that head.
template <class T>
Matrix<T> head_dots(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> const& a, ConstMatrix<T> const& b) {
  auto const result = make_matrix<T>("kernels::attention_delta", std::int64_t(a.extent(0)), shape.num_heads);
  std::int64_t const heads = shape.num_heads, head_dim = shape.head_dim;
  for_each_row(
      exec, "kernels::attention_delta", std::int64_t(a.extent(0)) * heads, KOKKOS_LAMBDA(Team const& team, std::int64_t index) {
        std::int64_t const t = index / heads, head = index % heads;
        T const *const x = &a(t, head * head_dim), *const y = &b(t, head * head_dim);
        auto const dot =
            sum_columns<Accumulate<T>>(team, head_dim, [=](std::int64_t j) { return Accumulate<T>(x[j]) * Accumulate<T>(y[j]); });
        Kokkos::single(Kokkos::PerTeam(team), [&] { result(t, head) = T(dot); });
      });
  return result;
}

/// Scores become probabilities, and d_probabilities become d_scores = p (d_p - delta); masked ones become 0.
template <class T>
void softmax_tiles_backward(ExecSpace const& exec, Tiling const& tiling, std::int64_t distance, ConstMatrix<T> const& log_sum_exp,
                            Matrix<T> const& delta, Matrix<T> const& probabilities, Matrix<T> const& d_scores) {
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

template <class T>
void check(AttentionShape const& shape, ConstMatrix<T> const& qkv, ConstMatrix<T> const& context,
           ConstMatrix<T> const& log_sum_exp) {
  auto const num_tokens = std::size_t(shape.sequences * shape.sequence_length);
  MOESCOPE_CHECK(qkv.extent(0) == num_tokens && std::int64_t(qkv.extent(1)) == shape.qkv_columns());
  MOESCOPE_CHECK(context.extent(0) == num_tokens && std::int64_t(context.extent(1)) == shape.num_heads * shape.head_dim);
  MOESCOPE_CHECK(log_sum_exp.extent(0) == num_tokens && std::int64_t(log_sum_exp.extent(1)) == shape.num_heads);
  MOESCOPE_CHECK(std::int64_t(shape.kv_of_head.size()) == shape.num_heads);
}

}  // namespace

template <class T>
void causal_attention(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv, Matrix<T> context,
                      Matrix<T> log_sum_exp) {
  check<T>(shape, qkv, context, log_sum_exp);
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
void causal_attention_backward(ExecSpace const& exec, AttentionShape const& shape, ConstMatrix<T> qkv, ConstMatrix<T> context,
                               ConstMatrix<T> log_sum_exp, ConstMatrix<T> d_context, Matrix<T> d_qkv) {
  check<T>(shape, qkv, context, log_sum_exp);
  check<T>(shape, d_qkv, d_context, log_sum_exp);
  Tiling const tiling(shape);
  Projections<T const> const from(shape, qkv);
  Projections<T> const to(shape, d_qkv);
  Heads<T const> const d_output{d_context.data(), std::int64_t(d_context.stride(0)), shape.head_dim};
  auto const probabilities = make_matrix<T>("kernels::attention_tiles", tiling.num_tiles() * tiling.block, tiling.block);
  auto const d_scores = make_matrix<T>("kernels::attention_d_tiles", tiling.num_tiles() * tiling.block, tiling.block);
  auto const delta = head_dots<T>(exec, shape, d_context, context);
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

#define INSTANTIATE(T)                                                                                                \
  template void causal_attention<T>(ExecSpace const&, AttentionShape const&, ConstMatrix<T>, Matrix<T>, Matrix<T>);   \
  template void causal_attention_backward<T>(ExecSpace const&, AttentionShape const&, ConstMatrix<T>, ConstMatrix<T>, \
                                             ConstMatrix<T>, ConstMatrix<T>, Matrix<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace moescope::kernels
