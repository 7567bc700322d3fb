#include <algorithm>

#include "base/error.hpp"
#include "config/dispatcher_kinds.hpp"
#include "config/gate_kinds.hpp"
#include "traffic/even_routing.hpp"
#include "traffic/expert_rows.hpp"
#include "traffic/group_sizes.hpp"
#include "traffic/tally.hpp"
#include "traffic/traffic.hpp"

namespace moescope::traffic {
namespace {

constexpr std::int64_t control_bytes = 8;  // an int64 or a double

std::int64_t scalar_bytes(DType dtype) { return dtype == DType::float64 ? 8 : 4; }

/// What all exchanges of a step are sized by, for one rank.
struct Sizes {
  RunConfig const& config;
  Layout const& layout;
  std::int64_t rank;
  std::int64_t scalar = scalar_bytes(config.train.dtype);
  std::int64_t row = config.model.hidden_size * scalar;  ///< bytes of one token's hidden state
  std::int64_t layers = config.model.num_layers;
  std::int64_t micro_sequences = config.batch.sequences / config.batch.micro_steps;
};

void add_tensor_parallel(Tally& tally, Sizes const& sizes, std::int64_t tokens) {
  auto const states = tokens * sizes.row, numbers = tokens * sizes.scalar;
  tally.add(names::embedding, 1, states);
  tally.add(names::attention_forward, sizes.layers, states);
  tally.add(names::attention_backward, sizes.layers, states);
  tally.add(names::block_forward, sizes.layers, states);
  tally.add(names::block_backward, sizes.layers, states);
  tally.add(names::loss_maximum, 1, numbers);
  tally.add(names::loss_sums, 1, 2 * numbers);
  tally.add(names::head_backward, 1, states);
}

void add_pools_and_control(Tally& tally, Sizes const& sizes) {
  auto const experts = sizes.config.model.num_experts;
  auto const tokens = sizes.micro_sequences * sizes.config.batch.sequence_length;
  auto const pools = sizes.micro_sequences / sequences_in_pool(sizes.config.model.gate.pool, sizes.config.batch);
  auto const add = [&](std::string_view name, PoolCalls const& calls) {
    auto const numbers = pools * experts * calls.per_expert + tokens * calls.per_token;
    tally.add(name, sizes.layers * calls.calls, numbers * control_bytes);
  };
  add(names::pool_sum, gate_kind(sizes.config.model).sums);
  add(names::pool_gather, pool_gathers(sizes.config.model));
  tally.add(names::counts, sizes.layers, sizes.layout.size(Axis::expert_block) * experts * control_bytes);
  tally.add(names::loss, 1, control_bytes);
}

void add_experts(Tally& tally, Sizes const& sizes, ExpertRows const& rows) {
  tally.add_rows(names::dispatch_forward, rows.send, sizes.row);
  tally.add_rows(names::weights_forward, rows.send, sizes.scalar);
  tally.add_rows(names::combine_forward, rows.receive, sizes.row);
  tally.add_rows(names::combine_backward, rows.send, sizes.row);
  tally.add_rows(names::weights_backward, rows.receive, sizes.scalar);
  tally.add_rows(names::dispatch_backward, rows.receive, sizes.row);
  for (auto const name :
       {names::etp_dispatch_forward, names::etp_combine_forward, names::etp_combine_backward, names::etp_dispatch_backward})
    tally.add(name, 1, rows.gathered * sizes.row);
  for (auto const name : {names::etp_weights_forward, names::etp_weights_backward})
    tally.add(name, 1, rows.gathered * sizes.scalar);
}

/// What the members of an expert block have together: owned tokens and kept choices.
struct BlockTotals {
  std::int64_t tokens = 0, choices = 0;
};

std::int64_t owned_tokens(Sizes const& sizes, std::int64_t micro_step, std::int64_t rank) {
  auto const& batch = sizes.config.batch;
  auto const local = sizes.layout.sequences(batch, micro_step, rank).size() * batch.sequence_length;
  return sizes.layout.owned_tokens(local, rank).size();
}

BlockTotals block_totals(Sizes const& sizes, std::int64_t micro_step, ExpertRows const& rows) {
  BlockTotals totals{0, rows.block_choices};
  for (auto const member : sizes.layout.members(Axis::expert_block, sizes.rank)) {
    totals.tokens += owned_tokens(sizes, micro_step, member);
  }
  return totals;
}

void add_gathered_tokens(Tally& tally, Sizes const& sizes, BlockTotals const& totals) {
  for (auto const name : {names::block_dispatch_forward, names::block_combine_forward, names::block_combine_backward,
                          names::block_dispatch_backward})
    tally.add(name, 1, totals.tokens * sizes.row);
  for (auto const name : {names::block_weights_forward, names::block_weights_backward})
    tally.add(name, 1, totals.choices * sizes.scalar);
  tally.add(names::tokens, 1, sizes.layout.size(Axis::expert_block) * control_bytes);
  tally.add(names::choices, 1, totals.choices * control_bytes);
}

void add_once_per_step(Tally& tally, Sizes const& sizes) {
  auto const& model = sizes.config.model;
  auto const groups = group_sizes(model, sizes.layout, sizes.rank);
  tally.add(names::labels, 1, control_bytes);
  tally.add(names::dense_gradients, 1, groups.dense * sizes.scalar);
  tally.add(names::router_gradients, 1, groups.router * sizes.scalar);
  tally.add(names::expert_gradients, 1, groups.expert * sizes.scalar);
  tally.add(names::kv_gradients, sizes.layers, replicated_kv_parameters(model, sizes.layout) * sizes.scalar);
  tally.add(names::gradient_norm, 1, control_bytes);
  tally.add(names::checksums, 1, sizes.layout.ranks() * 3 * control_bytes);
}

ExpertRows rows_of(RunConfig const& config, Layout const& layout, RoutedCounts const& counts, std::int64_t micro_step,
                   std::int64_t layer, std::int64_t rank) {
  return expert_rows(config.model, layout, rank,
                     [&](std::int64_t r, std::int64_t e) { return counts.at(micro_step, layer, r, e); });
}

/// rows_of(micro_step, layer) -> ExpertRows
template <class RowsOf>
std::vector<Volume> volumes(RunConfig const& config, Layout const& layout, std::int64_t rank, RowsOf const& rows_of) {
  Sizes const sizes{config, layout, rank};
  Tally tally(config, layout, rank);
  for (std::int64_t m = 0; m < config.batch.micro_steps; ++m) {
    add_tensor_parallel(tally, sizes, layout.sequences(config.batch, m, rank).size() * config.batch.sequence_length);
    add_pools_and_control(tally, sizes);
    for (std::int64_t layer = 0; layer < sizes.layers; ++layer) {
      auto const& rows = rows_of(m, layer);
      add_experts(tally, sizes, rows);
      add_gathered_tokens(tally, sizes, block_totals(sizes, m, rows));
    }
  }
  add_once_per_step(tally, sizes);
  return tally.volumes();
}

void check_shape(RunConfig const& config, Layout const& layout, RoutedCounts const& counts) {
  MOESCOPE_CHECK(counts.micro_steps == config.batch.micro_steps);
  MOESCOPE_CHECK(counts.layers == config.model.num_layers);
  MOESCOPE_CHECK(counts.ranks == layout.ranks());
  MOESCOPE_CHECK(counts.experts == config.model.num_experts);
}

}  // namespace

std::vector<Volume> step_volumes(RunConfig const& config, Layout const& layout, RoutedCounts const& counts, std::int64_t rank) {
  check_shape(config, layout, counts);
  return volumes(config, layout, rank,
                 [&](std::int64_t m, std::int64_t layer) { return rows_of(config, layout, counts, m, layer, rank); });
}

std::vector<Volume> even_step_volumes(RunConfig const& config, Layout const& layout, std::int64_t rank) {
  std::vector<ExpertRows> of_micro_step;
  for (std::int64_t m = 0; m < config.batch.micro_steps; ++m)
    of_micro_step.push_back(expert_rows(config.model, layout, rank,
                                        [&](std::int64_t r, std::int64_t e) { return even_count(config, layout, m, r, e); }));
  return volumes(config, layout, rank,
                 [&](std::int64_t m, std::int64_t) -> ExpertRows const& { return of_micro_step[std::size_t(m)]; });
}

namespace {

/// Rows and weights that D moves from a rank to one peer, and that D^T moves.
struct PeerRows {
  std::int64_t peer, out, back, weights_out, weights_back;
};

std::vector<PeerRows> peer_rows(Sizes const& sizes, RoutedCounts const& counts, std::int64_t micro_step, std::int64_t layer) {
  std::vector<PeerRows> result;
  if (dispatcher_kind(sizes.config.train.dispatcher).moves == DispatcherKind::Moves::tokens) {
    auto const kept = [&](std::int64_t rank) {
      std::int64_t sum = 0;
      for (std::int64_t e = 0; e < counts.experts; ++e) sum += counts.at(micro_step, layer, rank, e);
      return sum;
    };
    for (auto const peer : sizes.layout.members(Axis::expert_block, sizes.rank)) {
      result.push_back({peer, owned_tokens(sizes, micro_step, sizes.rank), owned_tokens(sizes, micro_step, peer),
                        kept(sizes.rank), kept(peer)});
    }
    return result;
  }
  auto const rows = rows_of(sizes.config, sizes.layout, counts, micro_step, layer, sizes.rank);
  auto const peers = sizes.layout.members(Axis::ep, sizes.rank);
  for (std::size_t i = 0; i < peers.size(); ++i) {
    result.push_back({peers[i], rows.send[i], rows.receive[i], rows.send[i], rows.receive[i]});
  }
  return result;
}

}  // namespace

std::vector<std::int64_t> peer_bytes(RunConfig const& config, Layout const& layout, RoutedCounts const& counts,
                                     std::int64_t rank) {
  check_shape(config, layout, counts);
  Sizes const sizes{config, layout, rank};
  // Forward D carries rows and weights and D^T rows; the backward of combine is D, of dispatch D^T, with weights' gradients.
  bool const training = config.train.mode == "train";
  std::vector<std::int64_t> bytes(std::size_t(layout.ranks()));
  for (std::int64_t m = 0; m < counts.micro_steps; ++m) {
    for (std::int64_t layer = 0; layer < counts.layers; ++layer) {
      for (auto const& rows : peer_rows(sizes, counts, m, layer)) {
        auto const weights = rows.weights_out + (training ? rows.weights_back : 0);
        bytes[std::size_t(rows.peer)] += (training ? 2 : 1) * (rows.out + rows.back) * sizes.row + weights * sizes.scalar;
      }
    }
  }
  return bytes;
}

ComputedRows computed_rows(RunConfig const& config, Layout const& layout, RoutedCounts const& counts, std::int64_t rank) {
  check_shape(config, layout, counts);
  auto const layers = std::size_t(counts.layers);
  ComputedRows computed{std::vector<std::int64_t>(layers), std::vector<std::int64_t>(layers)};
  for (std::int64_t m = 0; m < counts.micro_steps; ++m) {
    for (std::size_t layer = 0; layer < layers; ++layer) {
      auto const gathered = rows_of(config, layout, counts, m, std::int64_t(layer), rank).gathered;
      computed.sum[layer] += gathered;
      computed.worst_micro_step[layer] = std::max(computed.worst_micro_step[layer], gathered);
    }
  }
  return computed;
}

}  // namespace moescope::traffic
