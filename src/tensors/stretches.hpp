#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "tensors/tensor_table.hpp"

namespace moescope {

/// Elements [begin, end) of one group's flat buffer.
struct Stretch {
  std::size_t group;
  std::int64_t begin, end;
};

/// Of every trained tensor the rows that `select` gives of those held (none: an empty range); neighbours are joined.
std::vector<Stretch> stretches(TensorTable const& table, std::function<Range(TensorSpec const&)> const& select);

/// What this rank adds to a sum over every element of every trained tensor: ranks with copies take equal parts of it.
std::vector<Stretch> counted_stretches(TensorTable const& table, Layout const& layout, std::int64_t rank);

}  // namespace moescope
