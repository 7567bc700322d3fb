#pragma once
#include <algorithm>
#include <vector>

#include "kernels/attention.hpp"
#include "kernels/gemm.hpp"

/// The products of blocked attention: which tiles of scores there are, where they lie, and what is multiplied into them
/// and with them. Internal to attention.cpp.
namespace moescope::kernels {

inline constexpr std::int64_t largest_block = 128;

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

/// Where row `row` = token * heads + head of the scores at some distance lies, and how much of it is causal.
struct ScoreRow {
  std::int64_t token, head, tile_row, visible, columns;  ///< the first `visible` of `columns` keys count; 0 without such a tile

  KOKKOS_INLINE_FUNCTION ScoreRow(Tiling const& tiling, std::int64_t distance, std::int64_t row)
      : token(row / tiling.heads), head(row % tiling.heads) {
    std::int64_t const position = token % tiling.length, i = position / tiling.block, r = position % tiling.block;
    tile_row = ((token / tiling.length * tiling.heads + head) * tiling.blocks + i) * tiling.block + r;
    std::int64_t const rest = tiling.length - i * tiling.block;
    columns = i < distance ? 0 : distance > 0 || rest > tiling.block ? tiling.block : rest;
    visible = i < distance ? 0 : distance > 0 ? tiling.block : r + 1;
  }
};

/// Blocks of head_dim columns, one per head, of a matrix [T, stride]: what tiles are multiplied from and into.
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

/// Tiles are made of sums, and rounded to operands before they are multiplied (kernels/rounding.hpp); so are what they add to.
/// tiles = alpha * rows_of_queries rows_of_keys^T: scores from (query, key), d_probabilities from (d_context, value).
template <class T>
void multiply_into_tiles(ExecSpace const& exec, AttentionShape const& shape, Tiling const& tiling, std::int64_t distance,
                         Accumulate<T> alpha, Heads<T const> const& of_query, Heads<T const> const& of_key,
                         Matrix<Accumulate<T>> const& tiles) {
  std::vector<GemmArguments<T, Accumulate<T>>> products;
  for_each_tile(tiling, distance, [&](auto head, auto query, auto key, auto rows, auto columns, auto tile) {
    products.push_back({Transpose::no, Transpose::yes, rows, columns, shape.head_dim, alpha, of_query.at(query, head),
                        of_query.stride, of_key.at(key, shape.kv_of_head[std::size_t(head)]), of_key.stride, 0,
                        tiles.data() + tile, tiling.block});
  });
  batched_gemm(exec, products);
}

/// result (of the query's head) += alpha * tile rows_of_keys.
template <class T>
void add_tiles_times_keys(ExecSpace const& exec, AttentionShape const& shape, Tiling const& tiling, std::int64_t distance,
                          Accumulate<T> alpha, Matrix<T> const& tiles, Heads<T const> const& of_key,
                          Heads<Accumulate<T>> const& result) {
  std::vector<GemmArguments<T, Accumulate<T>>> products;
  for_each_tile(tiling, distance, [&](auto head, auto query, auto key, auto rows, auto columns, auto tile) {
    products.push_back({Transpose::no, Transpose::no, rows, shape.head_dim, columns, alpha, tiles.data() + tile, tiling.block,
                        of_key.at(key, shape.kv_of_head[std::size_t(head)]), of_key.stride, 1, result.at(query, head),
                        result.stride});
  });
  batched_gemm(exec, products);
}

/// result (of the key's head) += alpha * tile^T rows_of_queries. Query heads that share a KV head take turns, in order.
template <class T>
void add_tiles_times_queries(ExecSpace const& exec, AttentionShape const& shape, Tiling const& tiling, std::int64_t distance,
                             Accumulate<T> alpha, Matrix<T> const& tiles, Heads<T const> const& of_query,
                             Heads<Accumulate<T>> const& result) {
  std::vector<std::int64_t> const& kv = shape.kv_of_head;
  std::vector<std::vector<GemmArguments<T, Accumulate<T>>>> turns;
  for_each_tile(tiling, distance, [&](auto head, auto query, auto key, auto rows, auto columns, auto tile) {
    auto const turn = std::size_t(std::count(kv.begin(), kv.begin() + head, kv[std::size_t(head)]));
    turns.resize(std::max(turns.size(), turn + 1));
    turns[turn].push_back({Transpose::yes, Transpose::no, columns, shape.head_dim, rows, alpha, tiles.data() + tile, tiling.block,
                           of_query.at(query, head), of_query.stride, 1, result.at(key, kv[std::size_t(head)]), result.stride});
  });
  for (auto const& products : turns) batched_gemm(exec, products);
}

}  // namespace moescope::kernels
