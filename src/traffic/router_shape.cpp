#include "traffic/router_shape.hpp"

namespace moescope::traffic {
namespace {

std::int64_t owned_tokens(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank) {
  auto const local = layout.sequences(config.batch, micro_step, rank).size() * config.batch.sequence_length;
  return layout.owned_tokens(local, rank).size();
}

}  // namespace

std::int64_t gathered_rows(ModelConfig const& model, Layout const& layout, std::int64_t rank, ChoicesOf const& choices) {
  auto const mine = layout.experts(model, rank);
  std::int64_t rows = 0;
  for (auto const member : layout.members(Axis::expert_block, rank)) rows += choices(member, mine);
  return rows;
}

RouterShape router_shape(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank,
                         ChoicesOf const& choices) {
  auto const& model = config.model;
  RouterShape shape;
  auto const mine = layout.experts(model, rank);
  for (auto const peer : layout.members(Axis::ep, rank)) {
    shape.send.push_back(choices(rank, layout.experts(model, peer)));
    shape.receive.push_back(choices(peer, mine));
  }
  shape.gathered = gathered_rows(model, layout, rank, choices);
  for (auto const member : layout.members(Axis::expert_block, rank)) {
    shape.block_tokens.push_back(owned_tokens(config, layout, micro_step, member));
    shape.block_choices.push_back(choices(member, {0, model.num_experts}));
  }
  return shape;
}

}  // namespace moescope::traffic
