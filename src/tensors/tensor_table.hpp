#pragma once
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tensors/tensor.hpp"

namespace moescope {

/// A tensor with its published name and its place in the flat buffer of its group.
struct TensorSpec : Tensor {
  std::string name;
  std::int64_t offset = 0;  ///< of its first element
};

/// Every tensor of one rank, in flat-buffer order. Counts, buffers, optimiser and checkpoints are loops over it.
class TensorTable {
 public:
  explicit TensorTable(std::vector<TensorGroup> groups = {std::begin(tensor_groups), std::end(tensor_groups)});

  /// Behind the last tensor of its group.
  void add(Tensor const& tensor, std::string name);

  std::vector<TensorSpec> const& specs() const& { return specs_; }
  std::vector<TensorSpec> specs() && { return std::move(specs_); }  ///< so that a loop may take them of a table without a name
  /// A programmer's error where no tensor is named so.
  TensorSpec const& find(std::string const& name) const;

  std::vector<TensorGroup> const& groups() const { return groups_; }
  TensorGroup const& group_of(TensorSpec const& spec) const { return groups_[spec.group]; }
  std::vector<std::int64_t> const& group_sizes() const { return group_sizes_; }  ///< elements of this rank, by group

 private:
  std::vector<TensorGroup> groups_;
  std::vector<std::int64_t> group_sizes_;
  std::vector<TensorSpec> specs_;
  std::unordered_map<std::string, std::size_t> index_;
};

TensorTable tensor_table(ModelConfig const& model, Layout const& layout, std::int64_t rank);

}  // namespace moescope
