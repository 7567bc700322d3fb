#include "traffic/expert_rows.hpp"

#include <numeric>

namespace moescope::traffic {
namespace {

std::int64_t choices(std::int64_t rank, Range experts, CountOf const& count) {
  std::int64_t sum = 0;
  for (auto e = experts.begin; e < experts.end; ++e) sum += count(rank, e);
  return sum;
}

}  // namespace

ExpertRows expert_rows(ModelConfig const& model, Layout const& layout, std::int64_t rank, CountOf const& count) {
  ExpertRows rows;
  auto const mine = layout.experts(model, rank);
  for (auto const peer : layout.members(Axis::ep, rank)) {
    rows.send.push_back(choices(rank, layout.experts(model, peer), count));
    rows.receive.push_back(choices(peer, mine, count));
  }
  for (auto const sharer : layout.members(Axis::etp, rank))
    for (auto const source : layout.members(Axis::ep, sharer)) rows.gathered += choices(source, mine, count);
  for (auto const member : layout.members(Axis::expert_block, rank))
    rows.block_choices += choices(member, {0, model.num_experts}, count);
  return rows;
}

std::int64_t away(std::vector<std::int64_t> const& rows, std::int64_t self) {
  return std::accumulate(rows.begin(), rows.end(), std::int64_t{0}) - rows[std::size_t(self)];
}

}  // namespace moescope::traffic
