#include "checkpoint/pieces.hpp"

#include "tensors/tensor.hpp"

namespace moescope {

StoredTensors pieces_of(ModelConfig const& model, Layout const& layout) {
  StoredTensors tensors;
  for (std::int64_t rank = 0; rank < layout.ranks(); ++rank) {
    for_each_tensor(model, layout, rank, [&](Tensor const& held, TensorName const& name) {
      if (held.owned_rows.size() <= 0) return;
      auto& tensor = tensors[name.text()];
      tensor.rows = held.rows;
      tensor.columns = held.columns;
      tensor.pieces.push_back({rank, held.owned_rows, held.held_columns});
    });
  }
  return tensors;
}

}  // namespace moescope
