#include "unit/model/models.hpp"

#include <numeric>

#include "equivalence/cases.hpp"

namespace moescope::test {

namespace {

ModelConfig base() {
  ModelConfig model;
  model.vocab_size = 37;
  model.hidden_size = 10;
  model.num_layers = 2;
  model.num_heads = 8;
  model.num_kv_heads = 8;
  model.head_dim = 3;
  model.num_experts = 8;
  model.top_k = 2;
  model.expert_widths.assign(2, std::vector<std::int64_t>(8, 8));
  model.intermediate_size = 64;
  model.score_scale_factor = {2.5, 1.5};
  return model;
}

ModelConfig unequal_experts() {
  auto model = base();
  model.num_experts = 9;
  model.num_kv_heads = 2;
  model.expert_widths = {{8, 9, 10, 11, 12, 13, 14, 15, 16}, {16, 8, 16, 8, 16, 8, 16, 8, 12}};
  model.intermediate_size = 108;
  return model;
}

ModelConfig tied_with_one_kv_head() {
  auto model = base();
  model.num_kv_heads = 1;
  model.tie_word_embeddings = true;
  model.gate.network = "linear";
  model.gate.add_noise = false;
  return model;
}

ModelConfig three_heads() {
  auto model = base();
  model.num_heads = 3;
  model.num_kv_heads = 1;
  model.num_experts = 3;
  model.expert_widths = {{5, 4, 9}, {4, 4, 4}};
  model.intermediate_size = 18;
  model.gate.kind = "random";
  return model;
}

ModelConfig switch_with_output_scale() {
  auto model = base();
  model.num_kv_heads = 4;
  model.top_k = 1;
  model.gate.kind = "switch";
  model.add_weight_norm = true;
  return model;
}

ModelConfig residual_experts() {
  auto model = base();
  model.residual.num_experts = 3;
  model.residual.intermediate_size = 21;
  model.residual.expert_widths = {{7, 7, 7}, {3, 16, 2}};
  model.residual.score_scale_factor = {1, 2};
  return model;
}

}  // namespace

std::vector<NamedModel> awkward_models() {
  return {{"equal experts", base()},
          {"unequal experts, two KV heads", unequal_experts()},
          {"tied embeddings, one KV head", tied_with_one_kv_head()},
          {"three heads on one KV head, gate without parameters", three_heads()},
          {"residual experts", residual_experts()},
          {"switch with an output scale", switch_with_output_scale()}};
}

std::vector<Layout> layouts_of(ModelConfig const& model) {
  std::vector<Layout> result;
  for (std::int64_t const ranks : {1, 2, 4, 8})
    for (auto const& config : equivalence::layouts(model, ranks)) result.emplace_back(config, ranks);
  for (auto const& config : equivalence::in_other_orders(model, 4)) result.emplace_back(config, 4);
  return result;
}

}  // namespace moescope::test
