#pragma once
#include <string>
#include <vector>

#include "config/model_config.hpp"
#include "layout/layout.hpp"

/// Small models with something awkward about their tensors, and every layout that can hold them.
namespace moescope::test {

struct NamedModel {
  std::string name;
  ModelConfig model;
};
std::vector<NamedModel> awkward_models();

std::vector<Layout> layouts_of(ModelConfig const& model);

/// f(named model, layout) for every model and layout of 1, 2, 4 and 8 ranks.
template <class F>
void for_each_layout(F&& f) {
  for (auto const& each : awkward_models())
    for (auto const& layout : layouts_of(each.model)) f(each, layout);
}

}  // namespace moescope::test
