#include "config/routers.hpp"

#include <algorithm>

namespace moescope {

std::vector<RouterPlace> routers(ModelConfig const& model) {
  std::vector<RouterPlace> all;
  for (std::int64_t layer = 0; layer < model.num_layers; ++layer)
    all.push_back({std::to_string(layer) + ".ffn", layer, model.num_experts});
  return all;
}

RouterExtents router_extents(ModelConfig const& model) {
  RouterExtents extents;
  for (auto const& router : routers(model)) {
    ++extents.routers;
    extents.experts = std::max(extents.experts, router.num_experts);
  }
  return extents;
}

std::int64_t num_attention_layers(ModelConfig const& model) { return model.num_layers; }

}  // namespace moescope
