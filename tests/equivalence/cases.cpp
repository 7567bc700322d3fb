#include "equivalence/cases.hpp"

#include "base/error.hpp"
#include "base/random.hpp"
#include "config/choices.hpp"
#include "config/gate_kinds.hpp"
#include "config/loss_kinds.hpp"
#include "kernels/cross_entropy.hpp"
#include "support/losses.hpp"

namespace moescope::equivalence {

RunConfig base_config() {
  RunConfig config;
  auto& model = config.model;
  model.vocab_size = 37;
  model.hidden_size = 24;
  model.num_layers = 2;
  model.num_heads = 4;
  model.num_kv_heads = 2;
  model.head_dim = 6;
  model.num_experts = 5;
  model.top_k = 2;
  model.intermediate_size = 40;
  model.expert_widths.assign(2, {8, 8, 8, 8, 8});
  model.score_scale_factor = {2.5, 1.5};
  model.residual.score_scale_factor = {1, 1};
  model.initializer_range = 0.3;
  config.batch = {5, 7, 1};
  config.optimizer.schedule = "constant";
  config.optimizer.warm_up_steps = 0;
  config.optimizer.learning_rate = 1e-3;
  config.train.dtype = DType::float64;
  config.train.steps = 2;
  config.train.seed = 11;
  return config;
}

namespace {

Case equal_experts_accumulated() {
  auto config = base_config();
  config.batch = {6, 7, 2};
  config.optimizer.clip_norm = 0.05;
  return {"five equal experts, GQA, two micro-steps, mlp gate, clipping active", config};
}

Case unequal_experts() {
  auto config = base_config();
  auto& model = config.model;
  model.num_heads = 3;
  model.num_kv_heads = 1;
  model.head_dim = 8;
  model.expert_widths = {{4, 6, 9, 12, 9}, {5, 8, 7, 11, 9}};
  model.gate.network = "linear";
  test::weigh_losses(model, 0.1);
  model.gate.load_estimate = "noisy_logit";
  model.gate.pool = "batch";
  model.tie_word_embeddings = true;
  config.optimizer.clip_norm = 0;
  return {"unequal experts, three heads on one KV head, linear gate, one pool, tied embeddings, no clipping", config};
}

Case weight_norm() {
  auto config = base_config();
  config.model.add_weight_norm = true;
  config.model.num_experts = 4;
  config.model.top_k = 4;
  config.model.intermediate_size = 32;
  config.model.expert_widths.assign(2, {8, 8, 8, 8});
  config.model.gate.use_softmax = true;
  config.model.gate.add_noise = false;
  return {"k = E without noise, learnable output scale", config};
}

Case residual() {
  auto config = base_config();
  auto& residual = config.model.residual;
  residual.num_experts = 2;
  residual.intermediate_size = 14;
  residual.expert_widths = {{7, 7}, {3, 11}};
  residual.score_scale_factor = {1.5, 0.5};
  return {"two residual experts, unequally wide in one layer, beside five routed ones", config};
}

Case switch_gate(std::string const& padding, std::string const& pool) {
  auto config = base_config();
  config.batch = {4, 9, pool == "batch" ? 1 : 2};
  config.model.top_k = 1;
  config.model.gate.kind = "switch";
  config.model.gate.pool = pool;
  config.model.capacity.factor = 0.8;
  config.model.capacity.dropped = padding;
  config.model.add_weight_norm = padding == "input";
  return {"switch with dropped tokens, padding " + padding + ", pool " + pool, config};
}

Case plain_gate(std::string const& kind) {
  auto config = base_config();
  config.model.gate.kind = kind;
  config.model.capacity.factor = 0.8;
  config.batch = {3, 5, 1};
  return {"gate " + kind + ", fewer sequences than ranks", config};
}

/// Losses of every kind, a capacity that drops some of a token's choices, pools of two sizes.
Case every_loss(std::string const& policy, std::int64_t micro_steps) {
  auto config = base_config();
  config.batch = {4, 9, micro_steps};
  auto& model = config.model;
  model.num_experts = 6;
  model.intermediate_size = 48;
  model.expert_widths.assign(2, {8, 8, 8, 8, 8, 8});
  model.gate.num_groups = 3;
  model.gate.pool = "block:2";
  model.gate.loss.emplace();
  for (auto const& kind : all_loss_kinds())
    if (supplies(model, kind)) model.gate.loss->push_back({std::string(kind.name), 0.05, ""});
  model.capacity = {.policy = policy, .factor = 0.8, .order = "choice", .renormalise = true};
  return {"losses of every kind, capacity by " + policy, config};
}

/// Without `normalise`: a weight of 1 whatever the logits has a gradient of rounding alone, which Adam makes as large as any.
Case top_p() {
  auto each = plain_gate("top_p");
  each.config.model.gate.normalise = false;
  return each;
}

/// Its weights begin near 0 and with them its gradients, whose rounding Adam makes as large as any with an epsilon below them.
Case remoe() {
  auto each = plain_gate("remoe");
  each.config.optimizer.epsilon = 1e-3;
  return each;
}

Case pooled_gate(std::string const& kind, std::string const& pool) {
  auto config = base_config();
  config.batch = {4, 9, pool == "batch" ? 1 : 2};
  config.model.gate.kind = kind;
  config.model.gate.pool = pool;
  return {"gate " + kind + ", pool " + pool, config};
}

Case forced(std::string const& workload) {
  auto config = base_config();
  config.batch = {6, 7, 2};
  config.routing.forced = workload;
  return {"forced routing " + workload + ", two micro-steps", config};
}

/// Six experts in three groups.
Case grouped(std::string const& kind, std::int64_t micro_steps) {
  auto config = base_config();
  auto& model = config.model;
  model.num_experts = 6;
  model.intermediate_size = 48;
  model.expert_widths.assign(2, {8, 8, 8, 8, 8, 8});
  model.gate.kind = kind;
  model.gate.num_groups = 3;
  model.gate.groups_kept = 2;
  model.gate.bias_update_rate = 0.05;
  config.batch = {4, 7, micro_steps};
  return {"gate " + kind + ", three groups, micro-steps " + std::to_string(micro_steps), config};
}

}  // namespace

std::vector<Case> cases() {
  return {equal_experts_accumulated(),
          unequal_experts(),
          weight_norm(),
          switch_gate("zero", "block:2"),
          switch_gate("input", "batch"),
          every_loss("position", 2),
          every_loss("probability", 1),
          residual(),
          plain_gate("uniform_learnable"),
          plain_gate("random_learnable"),
          plain_gate("hash"),
          top_p(),
          remoe(),
          plain_gate("shazeer"),
          plain_gate("switch_transformer"),
          plain_gate("gshard"),
          plain_gate("mixtral"),
          plain_gate("qwen_moe"),
          plain_gate("olmoe"),
          plain_gate("gpt_oss"),
          plain_gate("llama4"),
          grouped("topology_limited", 1),
          grouped("deepseek_v3", 2),
          pooled_gate("base", "block:2"),
          pooled_gate("sinkhorn", "batch"),
          pooled_gate("expert_choice", "batch"),
          pooled_gate("quantile", "block:2"),
          forced("hot_set"),
          forced("ragged_source")};
}

BatchSource synthetic_source(RunConfig const& config) {
  auto const length = config.batch.sequence_length, vocabulary = config.model.vocab_size;
  return [=](std::int64_t first, std::int64_t count) {
    RandomStream const stream(5, Purpose::document, 0, 0);
    auto const token = [=](std::int64_t sequence, std::int64_t position) {
      return int(stream.uniform(sequence, position) * double(vocabulary));
    };
    Batch batch{first, count, {}, {}, std::vector<int>(std::size_t(count))};
    for (auto s = first; s < first + count; ++s) {
      for (std::int64_t t = 0; t < length; ++t) {
        bool const ragged = (s % 5 == 1 && t >= 3) || s % 7 == 2 || t + 1 == length;
        batch.tokens.push_back(token(s, t));
        batch.targets.push_back(ragged ? kernels::ignored_label : token(s, t + 1));
      }
    }
    return batch;
  };
}

std::vector<LayoutConfig> layouts(ModelConfig const& model, std::int64_t ranks) {
  std::vector<LayoutConfig> possible;
  for (std::int64_t tp = 1; tp <= ranks; ++tp) {
    for (std::int64_t ep = 1; ep <= ranks; ++ep) {
      for (std::int64_t etp = 1; ep * etp <= ranks; ++etp) {
        if (ranks % tp != 0 || ranks % (ep * etp) != 0) continue;
        LayoutConfig layout;
        layout.tp = tp;
        layout.ep = ep;
        layout.etp = etp;
        try {
          Layout(layout, ranks).check_model(model);
          possible.push_back(layout);
        } catch (UserError const&) {
        }
      }
    }
  }
  return possible;
}

std::vector<LayoutConfig> in_other_orders(ModelConfig const& model, std::int64_t ranks) {
  std::vector<LayoutConfig> all;
  for (auto layout : layouts(model, ranks)) {
    for (auto const order : choices::layout_order) {
      if (order == choices::layout_order.front()) continue;
      layout.order = order;
      if (Layout(layout, ranks).order() == order) all.push_back(layout);
    }
  }
  return all;
}

std::string describe(LayoutConfig const& layout) {
  return "tp=" + std::to_string(layout.tp) + " ep=" + std::to_string(layout.ep) + " etp=" + std::to_string(layout.etp) +
         " order=" + layout.order;
}

}  // namespace moescope::equivalence
