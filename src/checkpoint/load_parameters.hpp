#pragma once
#include <string>
#include <vector>

#include "checkpoint/tensor_source.hpp"
#include "model/parameters.hpp"

namespace moescope {

/// Fills this rank's part of every parameter from tensors of the published names; only the slices it holds are read. Returns
/// the names in the checkpoint that are no parameter of this model (published files hold `rotary_emb.inv_freq`). Throws
/// UserError naming file and tensor where one is missing or has another shape.
template <class T>
std::vector<std::string> load_parameters(TensorSource const& source, TensorTable const& table, FlatBuffers<T> const& values);

}  // namespace moescope
