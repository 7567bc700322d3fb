#pragma once
#include <cstdint>
#include <vector>

#include "config/model_config.hpp"
#include "layout/layout.hpp"

namespace moescope {

/// What one rank holds of each of tensor_groups, in elements; TensorTable::group_sizes() without a table.
std::vector<std::int64_t> group_sizes(ModelConfig const& model, Layout const& layout, std::int64_t rank);

/// Ranks at equal coordinates hold equal parts of all tensors (owned ones may differ).
std::vector<std::int64_t> tensor_coordinates(Layout const& layout, std::int64_t rank);

/// Elements of the KV projections that several tp ranks hold, in one layer: summed over tp.
std::int64_t replicated_kv_parameters(ModelConfig const& model, Layout const& layout);

}  // namespace moescope
