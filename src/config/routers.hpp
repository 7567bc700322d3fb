#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "config/model_config.hpp"

namespace moescope {

/// A place of the model where tokens choose among experts. Nothing else tells how many there are: a layer may have none, or
/// several.
struct RouterPlace {
  std::string name;  ///< on the `/router` scale: "<layer>.ffn"
  std::int64_t layer = 0;
  std::int64_t num_experts = 0;
};
std::vector<RouterPlace> routers(ModelConfig const& model);

/// Lengths of every array by router and expert: L and E. E is that of the router with most experts.
struct RouterExtents {
  std::int64_t routers = 0, experts = 0;
};
RouterExtents router_extents(ModelConfig const& model);

/// Layers with attention: all of them.
std::int64_t num_attention_layers(ModelConfig const& model);

}  // namespace moescope
