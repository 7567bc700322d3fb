#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "config/run_config.hpp"
#include "layout/layout.hpp"

namespace moescope::traffic {

/// Kept choices, for a range of experts, of the tokens that a rank owns in one router of one micro-step.
using ChoicesOf = std::function<std::int64_t(std::int64_t rank, Range experts)>;

/// What the exchanges of one rank in one router of one micro-step are sized by.
struct RouterShape {
  std::vector<std::int64_t> send, receive;                ///< [ep] rows to and from each member, itself included
  std::int64_t gathered = 0;                              ///< rows that all its etp members received: what it computes
  std::vector<std::int64_t> block_tokens, block_choices;  ///< [expert_block] owned tokens and kept choices of each member
};
RouterShape router_shape(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank,
                         ChoicesOf const& choices);

/// RouterShape::gathered alone.
std::int64_t gathered_rows(ModelConfig const& model, Layout const& layout, std::int64_t rank, ChoicesOf const& choices);

}  // namespace moescope::traffic
