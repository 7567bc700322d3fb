#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/range.hpp"
#include "config/run_config.hpp"

namespace moescope {

/// Axis of the rank grid. `world` is every rank of the stage; `expert_block` = ep x etp at one edp coordinate.
enum class Axis { world, tp, dp, ep, etp, edp, expert_block };
inline constexpr int num_axes = 7;
char const* name(Axis axis);

/// The fewest ranks for which Layout takes these sizes: what follows from dp or edp where one is given. UserError where no
/// `layout.ranks` could be so many.
std::int64_t fewest_ranks(LayoutConfig const& config);

/// Pure rank arithmetic, no table of all ranks: O(1) memory for any number of ranks.
///
/// Attention mesh: rank = dp_rank * tp + tp_rank. Expert mesh of the same ranks: rank = (edp_rank * ep + ep_rank) * etp +
/// etp_rank ("folding": the two are independent; names as in Megatron Core).
class Layout {
 public:
  /// Derives what is zero and throws UserError naming the two numbers that clash.
  Layout(LayoutConfig const& config, std::int64_t ranks);

  /// Throws UserError where an axis has fewer units (heads, vocabulary rows, expert columns, experts) than ranks.
  void check_model(ModelConfig const& model) const;

  std::int64_t ranks() const { return ranks_; }
  std::int64_t size(Axis axis) const;
  std::int64_t coordinate(Axis axis, std::int64_t rank) const;
  /// The lowest rank of the group of `rank` along `axis`.
  std::int64_t first_member(Axis axis, std::int64_t rank) const { return rank - coordinate(axis, rank) * stride(axis); }
  /// Ranks of that group, ascending in that axis' coordinate. [size(axis)]
  std::vector<std::int64_t> members(Axis axis, std::int64_t rank) const;

  /// Sequences of micro-batch `micro_step` (absolute within the step: [0, sequences)) that `rank`'s dp coordinate holds.
  Range sequences(BatchConfig const& batch, std::int64_t micro_step, std::int64_t rank) const;
  /// Tokens owned by `rank` in the MoE blocks, as a range within its dp coordinate's micro-batch tokens.
  Range owned_tokens(std::int64_t dp_tokens, std::int64_t rank) const;

  Range query_heads(ModelConfig const& model, std::int64_t rank) const;
  /// KV heads that the rank's query heads read; neighbours may share one.
  Range kv_heads(ModelConfig const& model, std::int64_t rank) const;
  /// The part of kv_heads() whose copy on this rank counts in norms (the lowest tp rank that holds a head owns it).
  Range owned_kv_heads(ModelConfig const& model, std::int64_t rank) const;
  /// KV heads held by more than one tp rank, ascending.
  std::vector<std::int64_t> replicated_kv_heads(ModelConfig const& model) const;
  Range vocabulary(ModelConfig const& model, std::int64_t rank) const;
  Range experts(ModelConfig const& model, std::int64_t rank) const;
  /// ep coordinate that holds an expert.
  std::int64_t expert_owner(ModelConfig const& model, std::int64_t expert) const;
  /// FFN columns of an expert of global width `width` that the rank's etp coordinate holds.
  Range expert_columns(std::int64_t width, std::int64_t rank) const;

  /// "4 ranks = dp 2 x tp 2 (attention) = edp 1 x ep 2 x etp 2 (experts)"
  std::string describe() const;

 private:
  std::int64_t stride(Axis axis) const;

  std::int64_t ranks_, tp_, dp_, ep_, etp_, edp_;
};

}  // namespace moescope
