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

RouterShape router_shape(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank,
                         ChoicesOf const& choices) {
  auto const& model = config.model;
  RouterShape shape;
  auto const mine = layout.experts(model, rank);
  auto const place = [&](std::int64_t r) { return layout.coordinate(Axis::expert_block, r); };
  for (auto const peer : layout.members(Axis::ep, rank)) {
    add(shape.send, choices(place(rank), layout.experts(model, peer)), peer == rank);
    add(shape.receive, choices(place(peer), mine), peer == rank);
  }
  shape.gathered = gathered_rows(model, layout, rank, choices);
  for (auto const member : layout.members(Axis::expert_block, rank)) {
    shape.block_tokens.push_back(owned_tokens(config, layout, micro_step, member));
    shape.block_choices.push_back(choices(std::int64_t(shape.block_choices.size()), {0, model.num_experts}));
    shape.all_tokens += shape.block_tokens.back();
    shape.all_choices += shape.block_choices.back();
  }
  return shape;
}

}  // namespace moescope::traffic
