#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/range.hpp"
#include "config/run_config.hpp"
#include "layout/grid.hpp"

namespace moescope {

/// The fewest ranks for which Layout takes these sizes: what follows from dp or edp where one is given. UserError where no
/// `layout.ranks` could be so many.
std::int64_t fewest_ranks(LayoutConfig const& config);

/// The grid of a configuration, and what of model and batch each rank has.
class Layout {
 public:
  /// Derives what is zero and throws UserError naming the two numbers that clash.
  Layout(LayoutConfig const& config, std::int64_t ranks);

  /// Throws UserError where an axis has fewer units (heads, vocabulary rows, expert columns, experts) than ranks.
  void check_model(ModelConfig const& model) const;

  std::int64_t ranks() const { return size(Axis::world); }
  std::int64_t size(Axis axis) const { return grid_.size(axis); }
  std::int64_t coordinate(Axis axis, std::int64_t rank) const { return grid_.coordinate(axis, rank); }
  std::int64_t first_member(Axis axis, std::int64_t rank) const { return grid_.first_member(axis, rank); }
  std::vector<std::int64_t> members(Axis axis, std::int64_t rank) const { return grid_.members(axis, rank); }
  /// The first of choices::layout_order that puts every rank where the configured one does: orders that differ in nothing are
  /// one.
  std::string_view order() const { return order_; }

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

  /// "4 ranks = dp 2 x tp 2 (attention) = edp 1 x ep 2 x etp 2 (experts)", and their order where it is not the default.
  std::string describe() const;

 private:
  Range share(std::int64_t units, Axis axis, std::int64_t rank) const;

  Grid grid_;
  std::string_view order_;
};

}  // namespace moescope
