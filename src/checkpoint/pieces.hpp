#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/range.hpp"
#include "config/model_config.hpp"
#include "layout/layout.hpp"

namespace moescope {

/// A rectangle of a logical tensor that one shard of a checkpoint holds, row-major under the tensor's name.
struct Piece {
  std::int64_t shard = 0;
  Range rows, columns;
};

struct StoredTensor {
  std::int64_t rows = 0, columns = 0;  ///< of the logical tensor; vectors have one row
  std::vector<Piece> pieces;           ///< cover it without overlap
};

using StoredTensors = std::map<std::string, StoredTensor>;  ///< by published name

/// Every parameter of the model, cut as its owners in this layout hold it: shard = rank.
StoredTensors pieces_of(ModelConfig const& model, Layout const& layout);

}  // namespace moescope
