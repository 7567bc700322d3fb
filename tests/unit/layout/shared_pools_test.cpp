#include "layout/shared_pools.hpp"

#include "support/catch.hpp"

using namespace moescope;

namespace {

Layout make_layout(std::int64_t ranks, std::int64_t tp) {
  LayoutConfig config;
  config.tp = tp;
  config.etp = 1;
  return Layout(config, ranks);
}

/// By looking at each token: whether some pool has tokens on two dp coordinates.
bool straddles(Layout const& layout, std::int64_t sequences, std::int64_t in_pool) {
  std::vector<std::int64_t> holder(std::size_t(sequences), -1);
  for (std::int64_t rank = 0; rank < layout.ranks(); ++rank) {
    auto const held = layout.sequences({sequences, 1, 1}, 0, rank);
    for (auto s = held.begin; s < held.end; ++s) holder[std::size_t(s)] = layout.coordinate(Axis::dp, rank);
  }
  for (std::int64_t s = 1; s < sequences; ++s)
    if (s % in_pool != 0 && holder[std::size_t(s)] != holder[std::size_t(s - 1)]) return true;
  return false;
}

}  // namespace

TEST_CASE("Pools are shared over tp where no pool lies on two dp coordinates, and else over all ranks") {
  for (std::int64_t const dp : {1, 2, 3, 5, 8})
    for (std::int64_t in_pool = 1; in_pool <= 6; ++in_pool)
      for (std::int64_t pools = 1; pools <= 9; ++pools) {
        auto const layout = make_layout(2 * dp, 2);
        auto const sequences = pools * in_pool;
        INFO("dp " << dp << ", " << pools << " pools of " << in_pool);
        auto const shared = shared_pools(layout, "block:" + std::to_string(in_pool), {sequences, 4, 1}, 0);
        CHECK(shared.axis == (straddles(layout, sequences, in_pool) ? Axis::stage : Axis::tp));
      }
}

TEST_CASE("Ranks that share pools hold whole ones, which are all pools of the micro-batch together") {
  auto const layout = make_layout(6, 2);
  std::int64_t next = 0;
  for (std::int64_t rank = 0; rank < 6; rank += 2) {
    auto const shared = shared_pools(layout, "block:2", {8, 4, 1}, rank);
    CHECK(shared.axis == Axis::stage);
    CHECK(shared.sequences == Range{0, 8});
    CHECK(shared.count() == 4);
    auto const own = shared_pools(layout, "sequence", {8, 4, 1}, rank);
    CHECK(own.axis == Axis::tp);
    CHECK(own.sequences == shared_pools(layout, "sequence", {8, 4, 1}, rank + 1).sequences);
    CHECK(own.sequences.begin == next);
    next = own.sequences.end;
  }
  CHECK(next == 8);
}

TEST_CASE("A batch is one pool of all ranks unless one dp coordinate has it") {
  CHECK(shared_pools(make_layout(4, 2), "batch", {4, 3, 1}, 0).axis == Axis::stage);
  CHECK(shared_pools(make_layout(4, 4), "batch", {4, 3, 1}, 0).axis == Axis::tp);
  CHECK(shared_pools(make_layout(4, 2), "batch", {4, 3, 1}, 3).count() == 1);
}
