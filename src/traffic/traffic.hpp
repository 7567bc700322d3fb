#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/run_config.hpp"
#include "layout/layout.hpp"

/// Every exchange of a step: who, what, how many bytes; from configuration, layout and routed counts alone. Pure.
namespace moescope::traffic {

enum class Operation { all_reduce, all_gather, reduce_scatter, all_to_all };
char const* name(Operation operation);

/// Names of the exchanges, as on the `/collective` scale. `forward`/`backward` say in which pass they happen.
namespace names {
inline constexpr std::string_view embedding = "tp.all_reduce.embedding.forward";
inline constexpr std::string_view attention_forward = "tp.all_reduce.attention.forward";
inline constexpr std::string_view attention_backward = "tp.all_reduce.attention.backward";
inline constexpr std::string_view block_forward = "tp.all_gather.block.forward";
inline constexpr std::string_view block_backward = "tp.all_gather.block.backward";
inline constexpr std::string_view loss_maximum = "tp.all_reduce.loss_maximum.forward";
inline constexpr std::string_view loss_sums = "tp.all_reduce.loss_sums.forward";
inline constexpr std::string_view head_backward = "tp.all_reduce.head.backward";
inline constexpr std::string_view dispatch_forward = "ep.dispatch.forward";
inline constexpr std::string_view dispatch_backward = "ep.dispatch.backward";
inline constexpr std::string_view combine_forward = "ep.combine.forward";
inline constexpr std::string_view combine_backward = "ep.combine.backward";
inline constexpr std::string_view etp_dispatch_forward = "etp.all_gather.dispatch.forward";
inline constexpr std::string_view etp_dispatch_backward = "etp.reduce_scatter.dispatch.backward";
inline constexpr std::string_view etp_combine_forward = "etp.reduce_scatter.combine.forward";
inline constexpr std::string_view etp_combine_backward = "etp.all_gather.combine.backward";
inline constexpr std::string_view block_dispatch_forward = "block.all_gather.dispatch.forward";
inline constexpr std::string_view block_dispatch_backward = "block.reduce_scatter.dispatch.backward";
inline constexpr std::string_view block_combine_forward = "block.reduce_scatter.combine.forward";
inline constexpr std::string_view block_combine_backward = "block.all_gather.combine.backward";
inline constexpr std::string_view block_weights_forward = "block.all_gather.weights.forward";
inline constexpr std::string_view block_weights_backward = "block.reduce_scatter.weights.backward";
inline constexpr std::string_view tp_pool_sum = "tp.pool_sum.forward";
inline constexpr std::string_view tp_pool_gather = "tp.pool_gather.forward";
inline constexpr std::string_view stage_pool_sum = "stage.pool_sum.forward";
inline constexpr std::string_view stage_pool_gather = "stage.pool_gather.forward";
inline constexpr std::string_view dense_gradients = "dp.gradients";
inline constexpr std::string_view router_gradients = "stage.gradients";
inline constexpr std::string_view expert_gradients = "edp.gradients";
inline constexpr std::string_view kv_gradients = "tp.gradients.kv_heads";
inline constexpr std::string_view counts = "control.counts";
inline constexpr std::string_view tokens = "control.tokens";
inline constexpr std::string_view choices = "control.choices";
inline constexpr std::string_view labels = "control.labels";
inline constexpr std::string_view loss = "control.loss";
inline constexpr std::string_view gate_statistics = "control.gate_statistics";
inline constexpr std::string_view gate_choices = "control.gate_choices";
inline constexpr std::string_view gradient_norm = "control.gradient_norm";
}  // namespace names

struct Collective {
  std::string name;
  Axis axis;
  Operation operation;
};

/// Every exchange that some configuration executes, in the order of the `/collective` scale.
std::vector<Collective> const& every_collective();

/// What is executed: exchanges follow from whether gradients are asked for, not from the gates' mode.
enum class Passes { forward, forward_and_backward };
/// Of a run's steps: its mode says whether it trains.
Passes passes_of(RunConfig const& config);

/// The exchanges that a step of this configuration executes, in the order of the `/collective` scale. A group of size 1
/// makes no exchange and is absent. Without `passes`: passes_of(config).
std::vector<Collective> collectives(RunConfig const& config, Layout const& layout, Passes passes);
std::vector<Collective> collectives(RunConfig const& config, Layout const& layout);

/// Kept choices of one step by micro-step, layer, rank that owns the token, and expert.
struct RoutedCounts {
  std::int64_t micro_steps = 0, layers = 0, ranks = 0, experts = 0;
  bool of_block = false;  ///< ranks are the members of one rank's expert block, in the order of the group: enough for that rank
  std::vector<std::int64_t> count;  ///< [micro_steps, layers, ranks, experts]

  RoutedCounts() = default;
  RoutedCounts(std::int64_t m, std::int64_t l, std::int64_t r, std::int64_t e)
      : micro_steps(m), layers(l), ranks(r), experts(e), count(std::size_t(m * l * r * e)) {}
  std::int64_t& at(std::int64_t m, std::int64_t l, std::int64_t r, std::int64_t e) {
    return count[std::size_t(((m * layers + l) * ranks + r) * experts + e)];
  }
  std::int64_t at(std::int64_t m, std::int64_t l, std::int64_t r, std::int64_t e) const {
    return count[std::size_t(((m * layers + l) * ranks + r) * experts + e)];
  }
};

/// All choices of a micro-step dealt to the experts in turn, by token and rank: as even as integers allow on every rank
/// and over all of them, distinct within a token, the same in every layer. What --dry-run assumes.
RoutedCounts even_routing(RunConfig const& config, Layout const& layout);

/// What one rank puts into one collective in one step.
/// payload_bytes, as PMPI sees it in the call's arguments: all_reduce the buffer; all_gather the whole receive buffer;
/// reduce_scatter the whole send buffer; all_to_all the send counts, of which a rank's own part is 0.
/// messages: all_to_all: peers with rows; else what a ring needs, (n-1) per call, 2(n-1) for all_reduce.
struct Volume {
  std::int64_t payload_bytes = 0;
  std::int64_t messages = 0;
  std::int64_t calls = 0;
  friend bool operator==(Volume const&, Volume const&) = default;
};

/// Bytes that one call of a reduction takes at most, 2^30 floats: MPI counts elements in an int. A larger buffer goes in pieces
/// of this size, each of them a call.
inline constexpr std::int64_t largest_reduction_bytes = std::int64_t(1) << 32;
/// Calls that the reduction of a buffer is made of; one for an empty buffer.
std::int64_t reduction_calls(std::int64_t bytes, std::int64_t piece_bytes = largest_reduction_bytes);

/// [collectives] volumes of `rank` for one step (train: forward, backward, reductions; forward mode: forward only).
std::vector<Volume> step_volumes(RunConfig const& config, Layout const& layout, RoutedCounts const& counts, std::int64_t rank);

/// Payload bytes from `rank` to every other rank in the expert exchanges of one step; the diagonal holds the bytes of rows
/// kept at home. all_to_all and local: rows over ep. all_gather: what a direct algorithm sends to each member of the expert
/// block: own tokens out, partial sums of the member's tokens back. [ranks]
std::vector<std::int64_t> peer_bytes(RunConfig const& config, Layout const& layout, RoutedCounts const& counts,
                                     std::int64_t rank);

/// Rows computed by `rank` in each layer, summed over micro-steps, and the largest micro-step's. [layers] each.
struct ComputedRows {
  std::vector<std::int64_t> sum, worst_micro_step;
};
ComputedRows computed_rows(RunConfig const& config, Layout const& layout, RoutedCounts const& counts, std::int64_t rank);

}  // namespace moescope::traffic
