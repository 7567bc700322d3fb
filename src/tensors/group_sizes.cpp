#include "tensors/group_sizes.hpp"

#include "tensors/tensor.hpp"

namespace moescope {

std::vector<std::int64_t> GroupSizes::of(std::int64_t rank) {
  std::vector<std::int64_t> sizes;
  for (std::size_t group = 0; group < std::size(tensor_groups); ++group) {
    auto const first = layout_.first_member(tensor_groups[group].axis, rank);
    auto const [counted, is_new] = counted_.try_emplace({group, first}, 0);
    if (is_new)
      for_each_tensor_of(group, model_, layout_, rank,
                         [size = &counted->second](Tensor const& tensor, TensorName const&) { *size += tensor.size(); });
    sizes.push_back(counted->second);
  }
  return sizes;
}

std::int64_t replicated_kv_parameters(ModelConfig const& model, Layout const& layout) {
  return 2 * std::int64_t(layout.replicated_kv_heads(model).size()) * model.head_dim * model.hidden_size;
}

}  // namespace moescope
