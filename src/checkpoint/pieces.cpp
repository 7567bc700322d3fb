#include "checkpoint/pieces.hpp"

#include "model/parameters.hpp"

namespace moescope {

StoredTensors pieces_of(ModelConfig const& model, Layout const& layout) {
  StoredTensors tensors;
  for (std::int64_t rank = 0; rank < layout.ranks(); ++rank) {
    for (auto const& spec : make_parameter_table(model, layout, rank).specs) {
      auto& tensor = tensors[spec.name];
      tensor.rows = spec.rows;
      tensor.columns = spec.columns;
      if (spec.owned_rows.size() > 0) tensor.pieces.push_back({rank, spec.owned_rows, spec.held_columns});
    }
  }
  return tensors;
}

}  // namespace moescope
