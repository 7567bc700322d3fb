#pragma once
#include <cstdint>

#include "config/model_config.hpp"
#include "layout/layout.hpp"

namespace moescope::traffic {

/// Parameters that one rank holds, by the ranks over which their gradients are summed: dense over dp (embedding, head,
/// attention, its norms), router over the world (gate, FFN norm, output scale), expert over edp.
struct GroupSizes {
  std::int64_t dense = 0, router = 0, expert = 0;  ///< elements
  std::int64_t total() const { return dense + router + expert; }
};
GroupSizes group_sizes(ModelConfig const& model, Layout const& layout, std::int64_t rank);

/// Elements of the KV projections that several tp ranks hold, in one layer: summed over tp.
std::int64_t replicated_kv_parameters(ModelConfig const& model, Layout const& layout);

}  // namespace moescope::traffic
