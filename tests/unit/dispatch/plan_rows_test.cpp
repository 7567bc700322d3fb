#include <algorithm>
#include <numeric>

#include "base/random.hpp"
#include "dispatch/plan.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

using Integers = std::vector<std::int64_t>;

Layout make_layout(std::int64_t ranks, std::int64_t ep, std::int64_t etp) {
  LayoutConfig config;
  config.ep = ep;
  config.etp = etp;
  return Layout(config, ranks);
}

ModelConfig model_with_experts(std::int64_t num_experts) {
  ModelConfig model;
  model.num_experts = num_experts;
  return model;
}

std::int64_t sum(Integers const& values) { return std::accumulate(values.begin(), values.end(), std::int64_t{0}); }

/// Kept choices of any rank per expert; some ranks have none, some experts are never chosen.
Integers counts_of_block(Layout const& layout, std::int64_t rank, std::int64_t num_experts) {
  RandomStream const stream(3, Purpose::random_routing, 0, 0);
  Integers counts;
  for (auto const member : layout.members(Axis::expert_block, rank)) {
    for (std::int64_t e = 0; e < num_experts; ++e)
      counts.push_back(member % 7 == 3 || e % 11 == 5 ? 0 : std::int64_t(4 * stream.uniform(member, e)));
  }
  return counts;
}

}  // namespace

TEST_CASE("the plan of 2 x 2 ranks with three experts is the one computed by hand") {
  auto const layout = make_layout(4, 2, 2);
  auto const model = model_with_experts(3);
  Integers const counts{1, 2, 2,   // ep 0, etp 0
                        0, 3, 1,   // ep 0, etp 1
                        2, 1, 0,   // ep 1, etp 0
                        0, 0, 4};  // ep 1, etp 1

  auto const first = plan_rows(layout, model, 0, counts);
  CHECK(first.send_rows == Integers{3, 2});
  CHECK(first.receive_rows == Integers{3, 3});
  CHECK(first.etp_rows == Integers{6, 3});
  CHECK(first.expert_offsets == Integers{0, 3, 9});
  CHECK(first.grouped_position == std::vector<int>{0, 3, 4, 1, 2, 5, 6, 7, 8});
  CHECK(first.num_sent() == 5);
  CHECK(first.num_received() == 6);
  CHECK(first.num_gathered() == 9);

  auto const last = plan_rows(layout, model, 3, counts);
  CHECK(last.send_rows == Integers{0, 4});
  CHECK(last.receive_rows == Integers{1, 4});
  CHECK(last.etp_rows == Integers{2, 5});
  CHECK(last.expert_offsets == Integers{0, 7});
}

TEST_CASE("what 64 ranks send is what they expect, and every gathered row has one place") {
  std::int64_t const ranks = 64, num_experts = 70;
  auto const model = model_with_experts(num_experts);
  for (auto const& [ep, etp] : std::vector<std::pair<std::int64_t, std::int64_t>>{{64, 1}, {16, 4}, {8, 2}, {1, 1}, {1, 8}}) {
    auto const layout = make_layout(ranks, ep, etp);
    std::vector<RowPlan> plans;
    std::int64_t kept = 0, sent = 0, received = 0;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
      auto const counts = counts_of_block(layout, rank, num_experts);
      kept += sum(counts);
      plans.push_back(plan_rows(layout, model, rank, counts));
      sent += plans.back().num_sent();
      received += plans.back().num_received();
    }
    INFO("ep " << ep << ", etp " << etp);
    CHECK(sent * ep * etp == kept);
    CHECK(sent == received);
    CHECK(sent > 0);

    bool symmetric = true, placed = true;
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
      auto const& plan = plans[std::size_t(rank)];
      auto const peers = layout.members(Axis::ep, rank);
      auto const me = std::size_t(layout.coordinate(Axis::ep, rank));
      for (std::size_t p = 0; p < peers.size(); ++p)
        symmetric = symmetric && plan.send_rows[p] == plans[std::size_t(peers[p])].receive_rows[me];

      auto const partners = layout.members(Axis::etp, rank);
      for (std::size_t s = 0; s < partners.size(); ++s)
        placed = placed && plan.etp_rows[s] == plans[std::size_t(partners[s])].num_received();
      auto places = plan.grouped_position;
      std::sort(places.begin(), places.end());
      std::vector<int> every_place(places.size());
      std::iota(every_place.begin(), every_place.end(), 0);
      placed = placed && places == every_place && std::int64_t(places.size()) == plan.num_gathered() &&
               plan.num_gathered() == sum(plan.etp_rows);
    }
    CHECK(symmetric);
    CHECK(placed);
  }
}

TEST_CASE("a count table of another size than block times experts is a programmer's error") {
  CHECK_THROWS_AS(plan_rows(make_layout(2, 2, 1), model_with_experts(3), 0, Integers(5)), std::logic_error);
}
