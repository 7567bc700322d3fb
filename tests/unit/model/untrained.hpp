#pragma once
#include <string>

#include "tensors/tensor_table.hpp"

namespace moescope::test {

inline std::string const state_name = "model.layers.0.mlp.gate.bias";

/// A rank's table with a group more: a vector of state that nothing trains, with a copy on every rank.
inline TensorTable table_with_state(ModelConfig const& model, Layout const& layout, std::int64_t rank) {
  std::vector<TensorGroup> groups(std::begin(tensor_groups), std::end(tensor_groups));
  groups.push_back({.name = "state", .axis = Axis::world, .gradients = {}, .trained = false});
  TensorTable table(groups);
  for (auto const& spec : tensor_table(model, layout, rank).specs()) table.add(spec, spec.name);
  Range const whole{0, 1};
  table.add({.part = Part::gate,
             .group = groups.size() - 1,
             .rows = 1,
             .columns = 5,
             .is_vector = true,
             .decays = false,
             .held_rows = whole,
             .held_columns = {0, 5},
             .counted_rows = whole,
             .owned_rows = rank == 0 ? whole : Range{},
             .init = {Init::Kind::constant, 0.5}},
            state_name);
  return table;
}

}  // namespace moescope::test
