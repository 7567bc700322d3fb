#include "dispatch/plan.hpp"

#include <numeric>

#include "base/error.hpp"

namespace moescope {

std::int64_t RowPlan::num_sent() const { return std::accumulate(send_rows.begin(), send_rows.end(), std::int64_t{0}); }
std::int64_t RowPlan::num_received() const { return std::accumulate(receive_rows.begin(), receive_rows.end(), std::int64_t{0}); }

namespace {

std::int64_t sum(std::int64_t const* counts, Range experts) {
  return std::accumulate(counts + experts.begin, counts + experts.end, std::int64_t{0});
}

/// Exclusive prefix sum over the local experts of the rows that all ranks of the block send them.
std::vector<std::int64_t> expert_offsets(Range mine, std::int64_t block, std::int64_t num_experts,
                                         std::vector<std::int64_t> const& counts) {
  std::vector<std::int64_t> offsets{0};
  for (auto e = mine.begin; e < mine.end; ++e) {
    std::int64_t rows = 0;
    for (std::int64_t b = 0; b < block; ++b) rows += counts[std::size_t(b * num_experts + e)];
    offsets.push_back(offsets.back() + rows);
  }
  return offsets;
}

}  // namespace

RowPlan plan_rows(Layout const& layout, ModelConfig const& model, std::int64_t rank, std::vector<std::int64_t> const& counts) {
  auto const ep = layout.size(Axis::ep), etp = layout.size(Axis::etp), num_experts = model.num_experts;
  auto const my_ep = layout.coordinate(Axis::ep, rank), my_etp = layout.coordinate(Axis::etp, rank);
  auto const mine = split(num_experts, ep, my_ep);
  MOESCOPE_CHECK(std::int64_t(counts.size()) == ep * etp * num_experts);
  auto const counts_of = [&](std::int64_t p, std::int64_t s) { return counts.data() + (p * etp + s) * num_experts; };

  RowPlan plan;
  for (std::int64_t p = 0; p < ep; ++p) {
    plan.send_rows.push_back(sum(counts_of(my_ep, my_etp), split(num_experts, ep, p)));
    plan.receive_rows.push_back(sum(counts_of(p, my_etp), mine));
  }
  plan.expert_offsets = expert_offsets(mine, ep * etp, num_experts, counts);
  plan.grouped_position.reserve(std::size_t(plan.num_gathered()));
  auto next = plan.expert_offsets;
  for (std::int64_t s = 0; s < etp; ++s) {
    auto const before = plan.grouped_position.size();
    for (std::int64_t p = 0; p < ep; ++p) {
      for (auto e = mine.begin; e < mine.end; ++e) {
        for (auto row = counts_of(p, s)[e]; row > 0; --row)
          plan.grouped_position.push_back(int(next[std::size_t(e - mine.begin)]++));
      }
    }
    plan.etp_rows.push_back(std::int64_t(plan.grouped_position.size() - before));
  }
  return plan;
}

}  // namespace moescope
