#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "comm/pool.hpp"
#include "model/micro_batch.hpp"

namespace moescope {

/// The pools of a model's routers, reached over the mesh.
class MeshPools {
 public:
  MeshPools(ModelConfig const& model, Mesh& mesh);
  /// Those of a micro-batch, to be used until the next call.
  std::vector<Pool> of(MicroBatch const& batch);

 private:
  std::vector<std::pair<std::string, std::unique_ptr<MeshPool>>> exchanges_;
};

}  // namespace moescope
