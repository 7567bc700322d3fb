#include "check/replicas.hpp"

#include "support/catch.hpp"

using namespace moescope;

namespace {

Layout layout_of(std::int64_t ranks, std::int64_t tp, std::int64_t ep) {
  LayoutConfig config;
  config.tp = tp;
  config.ep = ep;
  config.etp = 1;
  return Layout(config, ranks);
}

ReplicaDifference difference(Layout const& layout, std::vector<std::int64_t> const& checksums) {
  return find_replica_difference(layout, std::span(tensor_groups).first(3), checksums);
}

std::string_view name_of(ReplicaDifference const& found) { return tensor_groups[found.group].name; }

/// [4 ranks, 3 groups: dense, router, expert] of dp 2 x tp 2 and edp 2 x ep 2: dense copies on {0,2} and {1,3}, expert copies
/// likewise.
std::vector<std::int64_t> right() { return {10, 5, 20, 11, 5, 21, 10, 5, 20, 11, 5, 21}; }

}  // namespace

TEST_CASE("copies of each group are compared with each other, and parts of different ranks are not") {
  CHECK_FALSE(difference(layout_of(4, 2, 2), right()).found());
}

TEST_CASE("a checksum that differs names the group and the two ranks") {
  auto dense = right(), router = right(), expert = right();
  dense[3 * 3 + 0] = 12;
  router[2 * 3 + 1] = 6;
  expert[3 * 3 + 2] = 20;
  auto const found_dense = difference(layout_of(4, 2, 2), dense);
  CHECK(name_of(found_dense) == "dense");
  CHECK((found_dense.rank == 1 && found_dense.other == 3));
  auto const found_router = difference(layout_of(4, 2, 2), router);
  CHECK(name_of(found_router) == "router");
  CHECK((found_router.rank == 0 && found_router.other == 2));
  CHECK(name_of(difference(layout_of(4, 2, 2), expert)) == "expert");
}

TEST_CASE("the copies of very many ranks are compared in a time that grows with their number") {
  std::int64_t const ranks = 1 << 19;  // in its square this takes hours
  auto const layout = layout_of(ranks, 4, 8);
  std::vector<std::int64_t> checksums(std::size_t(3 * ranks), 7);
  CHECK_FALSE(difference(layout, checksums).found());
  checksums.back() = 8;
  CHECK(difference(layout, checksums).rank == 7);
  CHECK(difference(layout, checksums).other == ranks - 1);
}

TEST_CASE("checksums come in the order of ranks, which need not be that of the stage") {
  LayoutConfig config;
  config.tp = 2;
  config.ep = 2;
  config.etp = 1;
  config.order = "dp-tp-ep";  // tp ranks are {0,2} and {1,3}; so are ep ranks
  Layout const layout(config, 4);
  auto const of_stage = right();
  std::vector<std::int64_t> router;
  for (std::int64_t rank = 0; rank < 4; ++rank) {
    auto const row = of_stage.begin() + 3 * layout.coordinate(Axis::stage, rank);
    router.insert(router.end(), row, row + 3);
  }
  CHECK_FALSE(difference(layout, router).found());
  CHECK(difference(layout, of_stage).found());
  router[2 * 3 + 1] = 6;  // of the second rank of the stage
  CHECK((difference(layout, router).rank == 0 && difference(layout, router).other == 2));
}

TEST_CASE("ranks without a copy anywhere have nothing to differ in but the router") {
  std::vector<std::int64_t> const all_different{1, 9, 3, 4, 9, 6};
  CHECK_FALSE(difference(layout_of(2, 2, 2), all_different).found());
}
