#include "check/twin.hpp"

#include <algorithm>
#include <numeric>

#include "base/random.hpp"
#include "config/forced_workloads.hpp"
#include "kernels/cross_entropy.hpp"

namespace moescope {

namespace {

constexpr std::int64_t twin_layers = 2;
constexpr std::int64_t twin_dp = 16;

/// [twin_layers] from a list by layer, repeated where it is shorter.
template <class T>
std::vector<T> of_layers(std::vector<T> const& all) {
  std::vector<T> result;
  for (std::size_t layer = 0; layer < twin_layers && !all.empty(); ++layer) result.push_back(all[layer % all.size()]);
  return result;
}

/// The widest expert of a layer becomes `widest`, the others in proportion, none narrower than `narrowest`.
std::vector<std::int64_t> narrowed(std::vector<std::int64_t> widths, std::int64_t narrowest, std::int64_t widest) {
  if (widths.empty()) return widths;
  auto const before = *std::max_element(widths.begin(), widths.end());
  for (auto& width : widths) width = std::max(narrowest, width * widest / before);
  return widths;
}

void shrink_model(ModelConfig& model, LayoutConfig const& layout) {
  model.hidden_size = 64;
  model.head_dim = 4;
  model.num_layers = twin_layers;
  model.vocab_size = std::max<std::int64_t>(64, layout.tp);
  model.pad_token_id = std::min<std::int64_t>(model.pad_token_id, 0);
  model.initializer_range = 0.2;
  model.score_scale_factor = of_layers(model.score_scale_factor);
  model.expert_widths = of_layers(model.expert_widths);
  for (auto& widths : model.expert_widths) widths = narrowed(widths, layout.etp, 2 * layout.etp + 6);
  model.intermediate_size = std::reduce(model.expert_widths[0].begin(), model.expert_widths[0].end());
  model.residual.expert_widths = of_layers(model.residual.expert_widths);
  for (auto& widths : model.residual.expert_widths) widths = narrowed(widths, 1, 8);
  for (auto const& widths : model.residual.expert_widths)
    model.residual.intermediate_size = std::reduce(widths.begin(), widths.end());
  model.residual.score_scale_factor = of_layers(model.residual.score_scale_factor);
}

/// Consecutive sequences in the largest of the pools that are blocks; 1 without one.
std::int64_t shorten_blocks(ModelConfig& model, BatchConfig const& batch) {
  constexpr std::int64_t largest_pool = 4;
  std::int64_t longest = 1;
  auto const shorten = [&](std::string& pool) {
    if (!pool.starts_with("block:")) return;
    auto length = std::min(largest_pool, sequences_in_pool(pool, batch));
    while (largest_pool % length != 0) --length;  // so that every micro-step holds whole pools of each name
    pool = "block:" + std::to_string(length);
    longest = std::max(longest, length);
  };
  shorten(model.gate.pool);
  if (model.gate.loss)
    for (auto& loss : *model.gate.loss) shorten(loss.pool);
  return longest;
}

/// At most two micro-steps, each with whole pools and at least one sequence for every dp rank.
void shrink_batch(BatchConfig& batch, ModelConfig& model, LayoutConfig const& layout) {
  auto const in_pool = shorten_blocks(model, batch);
  auto const pools = (std::max<std::int64_t>(2, layout.dp) + in_pool - 1) / in_pool;
  batch.micro_steps = std::min<std::int64_t>(batch.micro_steps, 2);
  batch.sequences = pools * in_pool * batch.micro_steps;
  batch.sequence_length = 32;
}

/// A pool of the twin is short; each expert may take at least one of its tokens.
void keep_capacity(RunConfig& twin) {
  auto const in_pool = sequences_in_pool(twin.model.gate.pool, twin.batch) * twin.batch.sequence_length;
  auto& factor = twin.model.capacity.factor;
  factor = std::max(factor, double(twin.model.num_experts) / double(in_pool));
}

/// Pseudo-random tokens; labels are missing at the end of each sequence and in half of every third one.
BatchSource synthetic_text(RunConfig const& config) {
  auto const length = config.batch.sequence_length, vocabulary = config.model.vocab_size;
  return [=](std::int64_t first, std::int64_t count) {
    RandomStream const stream(1, Purpose::document, 0, 0);
    auto const token = [=](std::int64_t sequence, std::int64_t at) {
      return int(stream.uniform(sequence, at) * double(vocabulary));
    };
    Batch batch{first, count, {}, {}, std::vector<int>(std::size_t(count))};
    for (auto s = first; s < first + count; ++s) {
      auto const labelled = s % 3 == 1 ? length / 2 : length - 1;
      for (std::int64_t t = 0; t < length; ++t) {
        batch.tokens.push_back(token(s, t));
        batch.targets.push_back(t < labelled ? token(s, t + 1) : kernels::ignored_label);
      }
    }
    return batch;
  };
}

}  // namespace

Range twin_ranks(LayoutConfig const& layout, std::int64_t rank) {
  auto const unit = std::lcm(layout.tp, layout.ep * layout.etp);
  auto const size = std::min(layout.ranks, unit * std::max<std::int64_t>(1, twin_dp * layout.tp / unit));
  auto const group = std::min(rank / size, layout.ranks / size - 1);
  bool const last = group + 1 == layout.ranks / size;
  return {group * size, last ? layout.ranks : (group + 1) * size};
}

RunConfig twin_config(RunConfig const& config, std::int64_t ranks) {
  RunConfig twin = config;
  twin.layout.ranks = ranks;
  twin.layout.dp = ranks / config.layout.tp;
  twin.layout.edp = ranks / (config.layout.ep * config.layout.etp);
  shrink_model(twin.model, twin.layout);
  shrink_batch(twin.batch, twin.model, twin.layout);
  keep_capacity(twin);
  twin.optimizer.schedule = "constant";
  twin.optimizer.warm_up_steps = 0;
  twin.optimizer.learning_rate = 1e-3;
  // What would magnify rounding: an epsilon below the gradient, parameters that a decay times the rate above 2 makes grow.
  twin.optimizer.epsilon = 1e-3;
  twin.optimizer.weight_decay = std::min(twin.optimizer.weight_decay, 1.0);
  twin.train.mode = "train";
  twin.train.timing = "free";
  twin.train.dtype = DType::float64;
  twin.train.steps = 2;
  twin.train.seed = 1;
  twin.routing.counts = of_layers(twin.routing.counts);
  if (auto const* workload = find_forced_workload(twin.routing.forced); workload && workload->replays != Replays::nothing)
    twin.routing = {};
  return twin;
}

namespace {

/// Of the twin that these ranks run together, on the first of them.
Deviation group_deviation(Communicator const& group, RunConfig const& config) {
  auto const twin = twin_config(config, group.size());
  auto const source = synthetic_text(twin);
  auto const in_layout = run_two_steps(group, twin, source);
  auto alone = twin;
  alone.layout = {};
  alone.train.dispatcher = "local";
  auto const self = group.split(group.rank(), 0);
  return group.rank() == 0 ? deviation(in_layout, run_two_steps(self, alone, source)) : Deviation{};
}

}  // namespace

Deviation twin_deviation(Communicator const& world, RunConfig const& config) {
  auto layout = config.layout;
  layout.ranks = world.size();
  auto const group = world.split(int(twin_ranks(layout, world.rank()).begin), world.rank(), "twin");
  auto const own = group_deviation(group, config);
  auto const all = world.gather(std::span<double const>(&own.largest, 1), 0);
  auto const where = world.gather(own.where, 0);
  if (world.rank() != 0) return {};
  auto const worst = std::size_t(std::max_element(all.begin(), all.end()) - all.begin());
  return {all[worst], where[worst]};
}

}  // namespace moescope
