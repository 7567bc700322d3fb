#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "config/run_config.hpp"
#include "layout/layout.hpp"

namespace moescope::traffic {

/// Kept choices, for a range of experts, of the tokens that a member of a rank's expert block owns, in one router of one
/// micro-step.
using ChoicesOf = std::function<std::int64_t(std::int64_t member, Range experts)>;

/// Rows to, or from, each member of the ep group.
struct MemberRows {
  std::vector<std::int64_t> rows;      ///< [ep] the own ones included
  std::int64_t away = 0, members = 0;  ///< rows of the others, and how many of them have any
};

/// What is the same for every rank of an expert block, in one router of one micro-step.
struct BlockShape {
  std::vector<std::int64_t> tokens, choices;     ///< [expert_block] owned tokens and kept choices of each member
  std::int64_t all_tokens = 0, all_choices = 0;  ///< their sums
};
BlockShape block_shape(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank,
                       ChoicesOf const& choices);

/// Rows that all etp members of `rank` received in one router of one micro-step: what it computes.
std::int64_t gathered_rows(ModelConfig const& model, Layout const& layout, std::int64_t rank, ChoicesOf const& choices);

/// What the exchanges of one rank in one router of one micro-step are sized by.
struct RouterShape {
  MemberRows send, receive;
  std::int64_t gathered = 0;  ///< gathered_rows()
  std::shared_ptr<BlockShape const> block;
};
/// Without `gathered` and `block`, which ranks share.
RouterShape rank_shape(ModelConfig const& model, Layout const& layout, std::int64_t rank, ChoicesOf const& choices);
RouterShape router_shape(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank,
                         ChoicesOf const& choices);

}  // namespace moescope::traffic
