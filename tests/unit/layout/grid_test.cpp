#include "layout/grid.hpp"

#include <map>
#include <set>
#include <stdexcept>

#include "config/choices.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

using Ranks = std::vector<std::int64_t>;

/// 8 ranks: dp 4 x tp 2, and edp 2 x ep 2 x etp 2.
constexpr GridSizes eight{.tp = 2, .dp = 4, .ep = 2, .etp = 2, .edp = 2};

/// Coordinates of all ranks along an axis.
Ranks coordinates(Grid const& grid, Axis axis) {
  Ranks all;
  for (std::int64_t rank = 0; rank < grid.size(Axis::world); ++rank) all.push_back(grid.coordinate(axis, rank));
  return all;
}

template <class Action>
void for_each_grid(Action&& action) {
  for (std::int64_t const ranks : {1, 2, 4, 6, 8, 12})
    for (std::int64_t tp = 1; tp <= ranks; ++tp)
      for (std::int64_t ep = 1; ep <= ranks; ++ep)
        for (std::int64_t etp = 1; ep * etp <= ranks; ++etp) {
          if (ranks % tp != 0 || ranks % (ep * etp) != 0) continue;
          GridSizes const sizes{.tp = tp, .dp = ranks / tp, .ep = ep, .etp = etp, .edp = ranks / (ep * etp)};
          for (auto const order : choices::layout_order) action(Grid(sizes, order), ranks);
        }
}

}  // namespace

TEST_CASE("By default tp, then ep, then dp varies fastest from rank to rank") {
  Grid const grid(eight, "tp-ep-dp");
  CHECK(coordinates(grid, Axis::tp) == Ranks{0, 1, 0, 1, 0, 1, 0, 1});
  CHECK(coordinates(grid, Axis::dp) == Ranks{0, 0, 1, 1, 2, 2, 3, 3});
  CHECK(coordinates(grid, Axis::etp) == Ranks{0, 1, 0, 1, 0, 1, 0, 1});
  CHECK(coordinates(grid, Axis::ep) == Ranks{0, 0, 1, 1, 0, 0, 1, 1});
  CHECK(coordinates(grid, Axis::edp) == Ranks{0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(coordinates(grid, Axis::expert_block) == Ranks{0, 1, 2, 3, 0, 1, 2, 3});
  CHECK(coordinates(grid, Axis::stage) == Ranks{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("With dp first data-parallel neighbours are adjacent, and the stage still counts in the order of the tokens") {
  Grid const grid(eight, "dp-tp-ep");  // rank = tp * 4 + dp, and = (ep * 2 + etp) * 2 + edp
  CHECK(coordinates(grid, Axis::dp) == Ranks{0, 1, 2, 3, 0, 1, 2, 3});
  CHECK(coordinates(grid, Axis::tp) == Ranks{0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(coordinates(grid, Axis::edp) == Ranks{0, 1, 0, 1, 0, 1, 0, 1});
  CHECK(coordinates(grid, Axis::etp) == Ranks{0, 0, 1, 1, 0, 0, 1, 1});
  CHECK(coordinates(grid, Axis::ep) == Ranks{0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(coordinates(grid, Axis::stage) == Ranks{0, 2, 4, 6, 1, 3, 5, 7});
  CHECK(grid.members(Axis::stage, 5) == Ranks{0, 4, 1, 5, 2, 6, 3, 7});
  CHECK(grid.members(Axis::expert_block, 5) == Ranks{1, 3, 5, 7});
  CHECK(coordinates(grid, Axis::world) == Ranks{0, 1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("With ep first an expert block counts its ranks as ep x etp all the same") {
  Grid const grid(eight, "ep-dp-tp");  // rank = tp * 4 + dp, and = (etp * 2 + edp) * 2 + ep
  CHECK(coordinates(grid, Axis::tp) == Ranks{0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(coordinates(grid, Axis::ep) == Ranks{0, 1, 0, 1, 0, 1, 0, 1});
  CHECK(coordinates(grid, Axis::edp) == Ranks{0, 0, 1, 1, 0, 0, 1, 1});
  CHECK(coordinates(grid, Axis::etp) == Ranks{0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(coordinates(grid, Axis::expert_block) == Ranks{0, 2, 0, 2, 1, 3, 1, 3});
  CHECK(grid.members(Axis::expert_block, 3) == Ranks{2, 6, 3, 7});
  CHECK(grid.first_member(Axis::expert_block, 7) == 2);
}

TEST_CASE("The groups of an axis are a partition of the ranks, in the order of their coordinates") {
  for_each_grid([](Grid const& grid, std::int64_t ranks) {
    for (auto const& row : axes()) {
      std::map<std::int64_t, Ranks> groups;
      std::set<std::int64_t> seen;
      for (std::int64_t rank = 0; rank < ranks; ++rank) {
        auto const members = grid.members(row.axis, rank);
        REQUIRE(std::int64_t(members.size()) == grid.size(row.axis));
        REQUIRE(members.front() == grid.first_member(row.axis, rank));
        REQUIRE(members[std::size_t(grid.coordinate(row.axis, rank))] == rank);
        REQUIRE(groups.try_emplace(members.front(), members).first->second == members);
      }
      for (auto const& [first, members] : groups) seen.insert(members.begin(), members.end());
      REQUIRE(std::int64_t(seen.size()) == ranks);
      REQUIRE(*seen.rbegin() == ranks - 1);
      REQUIRE(std::int64_t(groups.size()) * grid.size(row.axis) == ranks);
    }
  });
}

TEST_CASE("The world is every rank in its own place and the stage every rank once, in any order") {
  for_each_grid([](Grid const& grid, std::int64_t ranks) {
    REQUIRE(grid.size(Axis::world) == ranks);
    REQUIRE(grid.size(Axis::stage) == ranks);
    for (std::int64_t rank = 0; rank < ranks; ++rank) {
      REQUIRE(grid.coordinate(Axis::world, rank) == rank);
      auto const in_tokens = grid.coordinate(Axis::dp, rank) * grid.size(Axis::tp) + grid.coordinate(Axis::tp, rank);
      REQUIRE(grid.coordinate(Axis::stage, rank) == in_tokens);
    }
  });
}

TEST_CASE("Orders that put every rank in the same place are equal") {
  GridSizes const without_ep{.tp = 2, .dp = 4, .ep = 1, .etp = 2, .edp = 4};
  CHECK(Grid(without_ep, "tp-ep-dp") == Grid(without_ep, "ep-tp-dp"));
  CHECK(Grid(without_ep, "tp-ep-dp") == Grid(without_ep, "tp-dp-ep"));
  CHECK_FALSE(Grid(without_ep, "tp-ep-dp") == Grid(without_ep, "dp-ep-tp"));
  CHECK_FALSE(Grid(eight, "tp-ep-dp") == Grid(eight, "ep-tp-dp"));
}

TEST_CASE("An order of other dimensions, or sizes of two different numbers of ranks, is a programmer's error") {
  CHECK_THROWS_AS(Grid(eight, "tp-pp-dp"), std::logic_error);
  CHECK_THROWS_AS(Grid(eight, "tp-ep"), std::logic_error);
  CHECK_THROWS_AS(Grid({.tp = 2, .dp = 4, .ep = 2, .etp = 2, .edp = 4}, "tp-ep-dp"), std::logic_error);
}
