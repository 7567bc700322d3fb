#include "traffic/even_routing.hpp"

#include <algorithm>

#include "config/capacity.hpp"
#include "config/routers.hpp"
#include "traffic/traffic.hpp"

namespace moescope::traffic {
namespace {

constexpr std::size_t most_blocks = 16384;  // kept at once

/// Numbers in [0, end) that are below `bound` mod `experts`.
std::int64_t dealt_below(std::int64_t end, std::int64_t experts, std::int64_t bound) {
  return end / experts * bound + std::min(end % experts, bound);
}

/// Rows of a step as even as can be: those of a pool one after the other, by token, to the experts in turn.
class Dealt {
 public:
  explicit Dealt(RunConfig const& config)
      : num_experts_(config.model.num_experts),
        tokens_(sequences_in_pool(config.model.gate.pool, config.batch) * config.batch.sequence_length),
        each_(rows_of_pool(config.model, tokens_) / tokens_),
        rest_(rows_of_pool(config.model, tokens_) % tokens_) {}

  /// Rows of the tokens of the step before this one.
  std::int64_t before(std::int64_t token) const {
    return token * each_ + token / tokens_ * rest_ + token % tokens_ * rest_ / tokens_;
  }
  /// Of a range of tokens of the step, for a range of experts.
  std::int64_t of(Range tokens, Range experts) const {
    auto const to = [&](std::int64_t token) {
      return dealt_below(before(token), num_experts_, experts.end) - dealt_below(before(token), num_experts_, experts.begin);
    };
    return to(tokens.end) - to(tokens.begin);
  }

 private:
  std::int64_t num_experts_;
  std::int64_t tokens_;       ///< of a pool
  std::int64_t each_, rest_;  ///< its rows: so many of every token, and so many more
};

}  // namespace

Range owned_positions(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank) {
  auto const sequences = layout.sequences(config.batch, micro_step, rank);
  auto const length = config.batch.sequence_length;
  auto const owned = layout.owned_tokens(sequences.size() * length, rank);
  return {sequences.begin * length + owned.begin, sequences.begin * length + owned.end};
}

EvenRouting::Block& EvenRouting::block(std::int64_t micro_step, std::int64_t rank) {
  // Micro-steps whose first choice goes to the same expert are alike.
  auto const& model = config_.model;
  auto const tokens = config_.batch.sequences / config_.batch.micro_steps * config_.batch.sequence_length;
  Dealt const dealt(config_);
  auto const first_expert = micro_step * (dealt.before(tokens) % model.num_experts) % model.num_experts;
  auto const key = std::pair(first_expert, layout_.first_member(Axis::expert_block, rank));
  if (auto const found = blocks_.find(key); found != blocks_.end()) return found->second;
  if (blocks_.size() >= most_blocks) blocks_.clear();
  auto& block = blocks_[key];
  std::vector<Range> positions;
  for (auto const member : layout_.members(Axis::expert_block, rank))
    positions.push_back(owned_positions(config_, layout_, micro_step, member));
  block.choices = [positions = std::move(positions), dealt](std::int64_t member, Range experts) {
    return dealt.of(positions[std::size_t(member)], experts);
  };
  block.shape = std::make_shared<BlockShape const>(block_shape(config_, layout_, micro_step, rank, block.choices));
  return block;
}

std::int64_t EvenRouting::gathered(std::int64_t micro_step, std::int64_t rank) {
  auto& of_block = block(micro_step, rank);
  auto const [found, is_new] = of_block.gathered.try_emplace(layout_.coordinate(Axis::ep, rank));
  if (is_new) found->second = gathered_rows(config_.model, layout_, rank, of_block.choices);
  return found->second;
}

RouterShape EvenRouting::shape(std::int64_t micro_step, std::int64_t rank) {
  auto const& of_block = block(micro_step, rank);
  auto shape = rank_shape(config_.model, layout_, rank, of_block.choices);
  shape.gathered = gathered(micro_step, rank);
  shape.block = of_block.shape;
  return shape;
}

RoutedCounts even_routing(RunConfig const& config, Layout const& layout) {
  auto const extents = router_extents(config.model);
  RoutedCounts counts(config.batch.micro_steps, extents.routers, layout.ranks(), extents.experts);
  Dealt const dealt(config);
  for (std::int64_t m = 0; m < counts.micro_steps; ++m)
    for (std::int64_t r = 0; r < counts.ranks; ++r) {
      auto const tokens = owned_positions(config, layout, m, r);
      for (std::int64_t l = 0; l < counts.layers; ++l)
        for (std::int64_t e = 0; e < counts.experts; ++e) counts.at(m, l, r, e) = dealt.of(tokens, {e, e + 1});
    }
  return counts;
}

}  // namespace moescope::traffic
