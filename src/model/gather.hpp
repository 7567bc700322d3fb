#pragma once
#include <map>
#include <string>
#include <vector>

#include "comm/mesh.hpp"
#include "model/parameters.hpp"

namespace moescope {

/// Collects every tensor at its logical shape on rank 0 (row-major, in double), from the ranks that own its parts; empty on
/// other ranks. Collective over the world. For verification and checkpoints of small models.
template <class T>
std::map<std::string, std::vector<double>> gather_tensors(Mesh const& mesh, ModelConfig const& model, TensorTable const& table,
                                                          FlatBuffers<T> const& buffers);

}  // namespace moescope
