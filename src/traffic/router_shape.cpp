#include "traffic/router_shape.hpp"

namespace moescope::traffic {
namespace {

std::int64_t owned_tokens(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank) {
  auto const local = layout.sequences(config.batch, micro_step, rank).size() * config.batch.sequence_length;
  return layout.owned_tokens(local, rank).size();
}

void add(MemberRows& all, std::int64_t rows, bool own) {
  all.rows.push_back(rows);
  if (own) return;
  all.away += rows;
  all.members += rows > 0 ? 1 : 0;
}

}  // namespace

std::int64_t gathered_rows(ModelConfig const& model, Layout const& layout, std::int64_t rank, ChoicesOf const& choices) {
  auto const mine = layout.experts(model, rank);
  std::int64_t rows = 0;
  for (std::int64_t member = 0; member < layout.size(Axis::expert_block); ++member) rows += choices(member, mine);
  return rows;
}

BlockShape block_shape(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank,
                       ChoicesOf const& choices) {
  BlockShape shape;
  for (auto const member : layout.members(Axis::expert_block, rank)) {
    shape.tokens.push_back(owned_tokens(config, layout, micro_step, member));
    shape.choices.push_back(choices(std::int64_t(shape.choices.size()), {0, config.model.num_experts}));
    shape.all_tokens += shape.tokens.back();
    shape.all_choices += shape.choices.back();
  }
  return shape;
}

RouterShape rank_shape(ModelConfig const& model, Layout const& layout, std::int64_t rank, ChoicesOf const& choices) {
  RouterShape shape;
  auto const mine = layout.experts(model, rank);
  auto const place = [&](std::int64_t r) { return layout.coordinate(Axis::expert_block, r); };
  for (auto const peer : layout.members(Axis::ep, rank)) {
    add(shape.send, choices(place(rank), layout.experts(model, peer)), peer == rank);
    add(shape.receive, choices(place(peer), mine), peer == rank);
  }
  return shape;
}

RouterShape router_shape(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank,
                         ChoicesOf const& choices) {
  auto shape = rank_shape(config.model, layout, rank, choices);
  shape.gathered = gathered_rows(config.model, layout, rank, choices);
  shape.block = std::make_shared<BlockShape const>(block_shape(config, layout, micro_step, rank, choices));
  return shape;
}

}  // namespace moescope::traffic
