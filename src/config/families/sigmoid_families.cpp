// Families whose affinities are sigmoids: Hugging Face transformers 5.23, modeling_llama4.py, modeling_deepseek_v3.py.
#include <fmt/format.h>

#include <algorithm>

#include "config/families/family.hpp"

namespace moescope::families {

namespace {

void check_groups(Fields const& fields, PublishedRouter const& router) {
  auto const in_group = router.num_experts / router.num_groups;
  if (router.num_experts % router.num_groups != 0)
    fields.refuse("n_group", fmt::format("must divide n_routed_experts = {}", router.num_experts));
  if (router.num_groups > 1 && in_group < 2) fields.refuse("n_group", "must leave two experts or more to a group");
  if (router.groups_kept > router.num_groups)
    fields.refuse("topk_group", fmt::format("must be at most n_group = {}", router.num_groups));
  if (router.top_k > router.groups_kept * in_group)
    fields.refuse("num_experts_per_tok",
                  fmt::format("must be at most the {} experts of topk_group groups", router.groups_kept * in_group));
}

}  // namespace

void read_llama4(Fields const& fields, PublishedRouter& router) {
  router.hidden_size = fields.count("hidden_size");
  router.num_experts = fields.count("num_local_experts");
  router.top_k = fields.count("num_experts_per_tok");
  fields.flag("output_router_logits", false);
  router.gate = "llama4";
  auto const step = fields.count("interleave_moe_layer_step");
  router.layers = all_layers(fields);
  auto const count = std::int64_t(router.layers.size());
  std::erase_if(router.layers, [&](std::int64_t i) { return (i + 1) % step != 0; });
  if (auto const given = fields.layers("moe_layers")) router.layers = *given;
  if (!router.layers.empty() && router.layers.back() >= count)
    fields.refuse("moe_layers", fmt::format("names a layer beyond num_hidden_layers = {}", count));
  router.weight = "language_model.model.layers.{}.feed_forward.router.weight";
  router.experts = fused_experts(fields, "intermediate_size", "language_model.model.layers.{}.feed_forward.experts.",
                                 PublishedExperts::Form::columns);
  router.weight_at_input = true;
}

void read_deepseek_v3(Fields const& fields, PublishedRouter& router) {
  router.hidden_size = fields.count("hidden_size");
  router.num_experts = fields.count("n_routed_experts");
  router.top_k = fields.count("num_experts_per_tok");
  router.gate = "deepseek_v3";
  router.normalise = fields.flag("norm_topk_prob", true);
  router.score_scale_factor = fields.number("routed_scaling_factor");
  router.num_groups = fields.count("n_group");
  router.groups_kept = fields.count("topk_group");
  check_groups(fields, router);
  fields.flag("output_router_logits", false);
  fields.fixed("scoring_func", "sigmoid");
  fields.fixed("topk_method", "noaux_tc");
  fields.fixed("moe_layer_freq", 1);
  router.layers = all_layers(fields);
  auto const dense = fields.count("first_k_dense_replace", 0);
  std::erase_if(router.layers, [&](std::int64_t i) { return i < dense; });
  router.weight = "model.layers.{}.mlp.gate.weight";
  router.experts = separate_experts(fields, "moe_intermediate_size", "model.layers.{}.mlp.experts.");
  router.correction_bias = "model.layers.{}.mlp.gate.e_score_correction_bias";
}

}  // namespace moescope::families
