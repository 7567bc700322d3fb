#include "tensors/group_sizes.hpp"

#include "tensors/tensor.hpp"

namespace moescope {

std::vector<std::int64_t> group_sizes(ModelConfig const& model, Layout const& layout, std::int64_t rank) {
  std::vector<std::int64_t> sizes(std::size(tensor_groups));
  for_each_tensor(model, layout, rank, [&](Tensor const& tensor, TensorName const&) { sizes[tensor.group] += tensor.size(); });
  return sizes;
}

std::vector<std::int64_t> tensor_coordinates(Layout const& layout, std::int64_t rank) {
  std::vector<std::int64_t> coordinates;
  for (auto const axis : {Axis::tp, Axis::ep, Axis::etp}) coordinates.push_back(layout.coordinate(axis, rank));
  return coordinates;
}

std::int64_t replicated_kv_parameters(ModelConfig const& model, Layout const& layout) {
  return 2 * std::int64_t(layout.replicated_kv_heads(model).size()) * model.head_dim * model.hidden_size;
}

}  // namespace moescope
