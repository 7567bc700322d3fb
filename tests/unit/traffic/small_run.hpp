#pragma once
#include <string_view>

#include "traffic/traffic.hpp"

/// A run small enough to count its bytes by hand.
namespace moescope::testing {

struct Degrees {
  std::int64_t ranks, tp = 1, ep = 1, etp = 1;
  std::string_view order = "tp-ep-dp";
};

inline Layout make_layout(Degrees const& degrees) {
  LayoutConfig config;
  config.tp = degrees.tp;
  config.ep = degrees.ep;
  config.etp = degrees.etp;
  config.order = degrees.order;
  return Layout(config, degrees.ranks);
}

/// H 8, 2 layers, 4 heads of 2 and 2 KV heads, 10 vocabulary rows, 4 experts of 6 columns, top-2 noisy gate with an MLP;
/// 4 sequences of 3 tokens in one micro-step; float64.
inline RunConfig small_run() {
  RunConfig config;
  auto& model = config.model;
  model.vocab_size = 10;
  model.hidden_size = 8;
  model.num_layers = 2;
  model.num_heads = 4;
  model.num_kv_heads = 2;
  model.head_dim = 2;
  model.num_experts = 4;
  model.top_k = 2;
  model.intermediate_size = 24;
  model.expert_widths = {{6, 6, 6, 6}, {6, 6, 6, 6}};
  model.score_scale_factor = {1, 1};
  config.batch = {4, 3, 1};
  config.train.dtype = DType::float64;
  return config;
}

inline bool executes(std::vector<traffic::Collective> const& collectives, std::string_view name) {
  for (auto const& c : collectives)
    if (c.name == name) return true;
  return false;
}

/// The volume under `name`; calls = -1 where it is not executed.
inline traffic::Volume volume_of(RunConfig const& config, Layout const& layout, std::vector<traffic::Volume> const& volumes,
                                 std::string_view name) {
  auto const list = traffic::collectives(config, layout);
  for (std::size_t i = 0; i < list.size(); ++i)
    if (list[i].name == name) return volumes.at(i);
  return {-1, -1, -1};
}

}  // namespace moescope::testing
