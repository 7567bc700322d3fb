#pragma once
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "config/model_config.hpp"
#include "layout/layout.hpp"

namespace moescope {

/// What ranks hold of each of tensor_groups, in elements; TensorTable::group_sizes() without tables. What the ranks of a group
/// have copies of is counted once.
class GroupSizes {
 public:
  GroupSizes(ModelConfig const& model, Layout const& layout) : model_(model), layout_(layout) {}
  std::vector<std::int64_t> of(std::int64_t rank);

 private:
  ModelConfig const& model_;
  Layout const& layout_;
  std::map<std::pair<std::size_t, std::int64_t>, std::int64_t> counted_;  ///< by group and its first rank with the same copies
};

inline std::vector<std::int64_t> group_sizes(ModelConfig const& model, Layout const& layout, std::int64_t rank) {
  return GroupSizes(model, layout).of(rank);
}

/// Elements of the KV projections that several tp ranks hold, in one layer: summed over tp.
std::int64_t replicated_kv_parameters(ModelConfig const& model, Layout const& layout);

}  // namespace moescope
