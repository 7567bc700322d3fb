// Hugging Face transformers 5.23, modeling_switch_transformers.py: the encoder's routers.
#include <fmt/format.h>

#include "config/families/family.hpp"

namespace moescope::families {

void read_switch_transformers(Fields const& fields, PublishedRouter& router) {
  router.hidden_size = fields.count("d_model");
  router.num_experts = fields.count("num_experts");
  router.top_k = 1;
  router.gate = "switch_transformer";
  router.expert_capacity = fields.count("expert_capacity");
  router.aux_loss = "switch";
  router.aux_pool = "sequence";
  router.aux_coef = fields.number("router_aux_loss_coef");
  router.z_coef = fields.number("router_z_loss_coef");
  fields.fixed("router_ignore_padding_tokens", false);
  fields.fixed("add_router_probs", false);
  auto const step = fields.count("encoder_sparse_step");
  auto const count = fields.count("num_layers");
  if (count > most_layers) fields.refuse("num_layers", fmt::format("must be at most {}", most_layers));
  for (std::int64_t i = 0; i < count; ++i)
    if (step == 1 || i % step == 1) router.layers.push_back(i);
  router.weight = "encoder.block.{}.layer.1.mlp.router.classifier.weight";
  if (fields.flag("router_bias", false)) router.bias = "encoder.block.{}.layer.1.mlp.router.classifier.bias";
}

}  // namespace moescope::families
