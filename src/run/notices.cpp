#include "run/notices.hpp"

#include <fmt/format.h>

#include "config/capacity.hpp"
#include "config/gate_kinds.hpp"
#include "config/loss_kinds.hpp"

namespace moescope {
namespace {

/// Tokens that an expert may take from a pool; 0 drops every choice.
void add_capacity(RunConfig const& config, std::vector<std::string>& sentences) {
  auto const& model = config.model;
  if (!drops(model)) return;
  auto const tokens = sequences_in_pool(model.gate.pool, config.batch) * config.batch.sequence_length;
  if (expert_capacity(model, tokens) > 0) return;
  sentences.push_back(fmt::format(
      "every choice is dropped: the capacity of an expert is capacity.factor = {} x {} choices of a pool / {} experts, rounded "
      "down, = 0",
      model.capacity.factor, tokens * choices_per_token(model), model.num_experts));
}

void add_warm_up(RunConfig const& config, std::vector<std::string>& sentences) {
  auto const warm_up = config.optimizer.warm_up_steps, steps = config.train.steps;
  if (config.train.mode != "train" || warm_up <= steps) return;
  sentences.push_back(fmt::format(
      "the learning rate never reaches its peak: optimizer.warm_up_steps = {} is above train.steps = {}", warm_up, steps));
}

/// Groups are ranges of ids, whatever the layout; a token then reaches the experts of more ranks than it uses groups.
void add_groups(RunConfig const& config, std::vector<std::string>& sentences) {
  auto const groups = config.model.gate.num_groups, ep = config.layout.ep;
  if (!has_key(gate_kind(config.model), "gate.num_groups") || groups == 1 || groups == ep) return;
  sentences.push_back(
      fmt::format("the groups of gate.num_groups = {} are not the experts of one rank each: layout.ep = {}", groups, ep));
}

/// Importance is then the number of choices, and so is a load without noise: neither changes with the gate's network by a little.
void add_flat_loss(RunConfig const& config, std::vector<std::string>& sentences) {
  auto const& model = config.model;
  auto const& kind = gate_kind(model);
  bool const one_weight = choices_per_token(model) == 1 && kind.weights_sum_to_one && model.gate.use_softmax;
  bool const smooth_load = has_key(kind, "gate.load_estimate") && model.gate.add_noise;
  if (config.train.mode != "train" || !one_weight || smooth_load) return;
  for (auto const& loss : losses(model))
    if (loss_kind(loss.kind).of_weights && loss.weight > 0)
      sentences.push_back(fmt::format(
          "the loss {} has no gradient: with one choice a token every weight is 1, and without gate.add_noise the load "
          "is a count; balance with another [[gate.loss]], such as switch",
          loss.kind));
}

}  // namespace

std::vector<std::string> notices(RunConfig const& config) {
  auto sentences = config.idle;
  add_capacity(config, sentences);
  add_warm_up(config, sentences);
  add_groups(config, sentences);
  add_flat_loss(config, sentences);
  return sentences;
}

}  // namespace moescope
