#include "tensors/tensor_table.hpp"

#include <stdexcept>

#include "base/error.hpp"

namespace moescope {

TensorTable::TensorTable(std::vector<TensorGroup> groups) : groups_(std::move(groups)), group_sizes_(groups_.size()) {}

void TensorTable::add(Tensor const& tensor, std::string name) {
  auto& size = group_sizes_.at(tensor.group);
  bool const is_new = index_.emplace(name, specs_.size()).second;
  MOESCOPE_CHECK(is_new);
  specs_.push_back({tensor, std::move(name), size});
  size += tensor.size();
}

TensorSpec const& TensorTable::find(std::string const& name) const {
  auto const found = index_.find(name);
  if (found == index_.end()) throw std::logic_error("no tensor is named " + name);
  return specs_[found->second];
}

TensorTable tensor_table(ModelConfig const& model, Layout const& layout, std::int64_t rank) {
  TensorTable table;
  for_each_tensor(model, layout, rank, [&](Tensor const& tensor, TensorName const& name) { table.add(tensor, name.text()); });
  return table;
}

}  // namespace moescope
