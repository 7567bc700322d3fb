// Families whose affinities are the softmax over all experts, or over the chosen ones: Hugging Face transformers 5.23,
// modeling_<family>.py.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "config/families/family.hpp"

namespace moescope::families {

namespace {

void read_sizes(Fields const& fields, char const* experts, char const* other_name, PublishedRouter& router) {
  router.hidden_size = fields.count("hidden_size");
  router.num_experts = fields.count_of_either(experts, other_name);
  router.top_k = fields.count("num_experts_per_tok");
  auto const coefficient = fields.number("router_aux_loss_coef", 0);
  router.aux_loss = "layer_pooled";
  router.aux_pool = "batch";
  router.aux_coef = fields.flag("output_router_logits", false) ? coefficient : 0;
}

void read_softmax(Fields const& fields, bool normalise, PublishedRouter& router) {
  read_sizes(fields, "num_experts", "num_local_experts", router);
  router.gate = "qwen_moe";
  router.normalise = normalise;
  router.weight = "model.layers.{}.mlp.gate.weight";
}

}  // namespace

std::vector<std::int64_t> all_layers(Fields const& fields) {
  auto const count = fields.count("num_hidden_layers");
  if (count > most_layers) fields.refuse("num_hidden_layers", fmt::format("must be at most {}", most_layers));
  std::vector<std::int64_t> layers(static_cast<std::size_t>(count));
  std::iota(layers.begin(), layers.end(), 0);
  return layers;
}

std::vector<std::int64_t> sparse_layers(Fields const& fields) {
  auto const step = fields.count("decoder_sparse_step");
  auto const dense = fields.layers("mlp_only_layers").value_or(std::vector<std::int64_t>{});
  auto layers = all_layers(fields);
  std::erase_if(layers,
                [&](std::int64_t i) { return (i + 1) % step != 0 || std::find(dense.begin(), dense.end(), i) != dense.end(); });
  return layers;
}

void read_mixtral(Fields const& fields, PublishedRouter& router) {
  read_sizes(fields, "num_local_experts", "num_experts", router);
  router.gate = "mixtral";
  router.layers = all_layers(fields);
  router.weight = "model.layers.{}.block_sparse_moe.gate.weight";
  router.experts = separate_experts(fields, "intermediate_size", "model.layers.{}.block_sparse_moe.experts.", {"w1", "w3", "w2"});
}

void read_qwen_moe(Fields const& fields, PublishedRouter& router) {
  read_softmax(fields, fields.flag("norm_topk_prob", false), router);
  router.layers = sparse_layers(fields);
  router.experts = separate_experts(fields, "moe_intermediate_size", "model.layers.{}.mlp.experts.");
}

void read_qwen3_next(Fields const& fields, PublishedRouter& router) {
  read_softmax(fields, fields.flag("norm_topk_prob", true), router);
  router.layers = sparse_layers(fields);
  router.experts = separate_experts(fields, "moe_intermediate_size", "model.layers.{}.mlp.experts.");
}

void read_qwen3_5_moe(Fields const& fields, PublishedRouter& router) {
  read_softmax(fields, true, router);
  router.layers = all_layers(fields);
  router.weight = "model.language_model.layers.{}.mlp.gate.weight";
  router.experts =
      fused_experts(fields, "moe_intermediate_size", "model.language_model.layers.{}.mlp.experts.", PublishedExperts::Form::rows);
}

void read_olmoe(Fields const& fields, PublishedRouter& router) {
  read_softmax(fields, fields.flag("norm_topk_prob", false), router);
  if (!router.normalise) router.gate = "olmoe";
  router.layers = all_layers(fields);
  router.experts = separate_experts(fields, "intermediate_size", "model.layers.{}.mlp.experts.");
}

void read_gpt_oss(Fields const& fields, PublishedRouter& router) {
  read_sizes(fields, "num_local_experts", "num_experts", router);
  router.top_k = fields.count_of_either("num_experts_per_tok", "experts_per_token");
  router.gate = "gpt_oss";
  router.layers = all_layers(fields);
  router.weight = "model.layers.{}.mlp.router.weight";
  router.bias = "model.layers.{}.mlp.router.bias";
}

}  // namespace moescope::families
