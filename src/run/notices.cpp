#include "run/notices.hpp"

#include <fmt/format.h>

#include "config/gate_kinds.hpp"
#include "gates/capacity.hpp"

namespace moescope {
namespace {

/// Tokens that an expert may take from a pool; 0 drops every choice.
void add_capacity(RunConfig const& config, std::vector<std::string>& sentences) {
  auto const& model = config.model;
  if (!drops(model)) return;
  auto const tokens = sequences_in_pool(model.gate.pool, config.batch) * config.batch.sequence_length;
  if (gates::expert_capacity(model, tokens) > 0) return;
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

}  // namespace

std::vector<std::string> notices(RunConfig const& config) {
  auto sentences = config.idle;
  add_capacity(config, sentences);
  add_warm_up(config, sentences);
  return sentences;
}

}  // namespace moescope
