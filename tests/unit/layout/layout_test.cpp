#include "layout/layout.hpp"

#include <algorithm>
#include <type_traits>

#include "base/error.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

LayoutConfig degrees(std::int64_t tp, std::int64_t ep, std::int64_t etp = 0) {
  LayoutConfig config;
  config.tp = tp;
  config.ep = ep;
  config.etp = etp;
  return config;
}

std::string refusal(LayoutConfig const& config, std::int64_t ranks) {
  try {
    Layout const layout(config, ranks);
  } catch (UserError const& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("Two meshes are laid over the same ranks") {
  Layout const layout(degrees(2, 2, 1), 8);
  CHECK(layout.size(Axis::dp) == 4);
  CHECK(layout.size(Axis::edp) == 4);
  CHECK(layout.members(Axis::tp, 5) == std::vector<std::int64_t>{4, 5});
  CHECK(layout.members(Axis::dp, 5) == std::vector<std::int64_t>{1, 3, 5, 7});
  CHECK(layout.members(Axis::ep, 5) == std::vector<std::int64_t>{4, 5});
  CHECK(layout.members(Axis::etp, 5) == std::vector<std::int64_t>{5});
  CHECK(layout.members(Axis::edp, 5) == std::vector<std::int64_t>{1, 3, 5, 7});
  CHECK(layout.describe() == "8 ranks = dp 4 x tp 2 (attention) = edp 4 x ep 2 x etp 1 (experts)");
}

TEST_CASE("Expert ranks count etp innermost, then ep, then edp") {
  Layout const layout(degrees(4, 2, 2), 8);
  CHECK(layout.members(Axis::etp, 6) == std::vector<std::int64_t>{6, 7});
  CHECK(layout.members(Axis::ep, 6) == std::vector<std::int64_t>{4, 6});
  CHECK(layout.members(Axis::edp, 6) == std::vector<std::int64_t>{2, 6});
  CHECK(layout.members(Axis::expert_block, 6) == std::vector<std::int64_t>{4, 5, 6, 7});
}

TEST_CASE("etp is tp where it is not given") { CHECK(Layout(degrees(2, 2), 4).size(Axis::etp) == 2); }

TEST_CASE("Both meshes have as many ranks as the job") {
  for (std::int64_t const ranks : {1, 2, 4, 6, 8, 12}) {
    for (std::int64_t tp = 1; tp <= ranks; ++tp) {
      for (std::int64_t ep = 1; ep <= ranks; ++ep) {
        for (std::int64_t etp = 1; etp <= ranks; ++etp) {
          if (ranks % tp != 0 || ranks % (ep * etp) != 0) continue;
          Layout const layout(degrees(tp, ep, etp), ranks);
          REQUIRE(layout.size(Axis::tp) * layout.size(Axis::dp) == ranks);
          REQUIRE(layout.size(Axis::etp) * layout.size(Axis::ep) * layout.size(Axis::edp) == ranks);
        }
      }
    }
  }
}

TEST_CASE("A clash names both numbers") {
  CHECK(refusal(degrees(3, 1), 4) == "layout.tp = 3 does not divide layout.ranks = 4");
  CHECK(refusal(degrees(1, 8), 4) == "layout.ep = 8 does not divide layout.ranks = 4");
  CHECK(refusal(degrees(1, 1, 3), 4) == "layout.etp = 3 does not divide layout.ranks = 4");
  CHECK(refusal(degrees(2, 4), 4) == "layout.ep * layout.etp = 4 * 2 = 8 does not divide layout.ranks = 4");
  CHECK(refusal(degrees(0, 1), 4) == "layout.tp = 0 must be at least 1");
  auto given = degrees(2, 1);
  given.dp = 4;
  CHECK(refusal(given, 4) == "layout.dp = 4 clashes with ranks / tp = 4 / 2 = 2; leave it out to derive it");
  given.dp = 2;
  CHECK(refusal(given, 4).empty());
  given.edp = 3;
  CHECK(refusal(given, 4) == "layout.edp = 3 clashes with ranks / (ep * etp) = 4 / (1 * 2) = 2; leave it out to derive it");
  given = degrees(1, 1);
  given.ranks = 8;
  CHECK(refusal(given, 4) == "layout.ranks = 8 clashes with the number of ranks launched = 4; leave it out to derive it");
  given.ranks = 0;
  given.pp = 2;
  CHECK(refusal(given, 4) == "layout.pp = 2 is not supported; only 1 is");
  given.pp = 1;
  given.order = "ep-tp";
  CHECK(refusal(given, 4) ==
        "layout.order = \"ep-tp\" must be one of tp-ep-dp, tp-dp-ep, ep-tp-dp, ep-dp-tp, dp-tp-ep, dp-ep-tp");
}

TEST_CASE("A million ranks are laid out without a table") {
  constexpr std::int64_t ranks = 1048576;
  Layout const layout(degrees(8, 256, 2), ranks);
  STATIC_REQUIRE(std::is_trivially_copyable_v<Layout>);  // nothing on the heap
  STATIC_REQUIRE(sizeof(Layout) < 256);
  CHECK(layout.size(Axis::dp) == 131072);
  CHECK(layout.size(Axis::edp) == 2048);
  CHECK(layout.coordinate(Axis::edp, ranks - 1) == 2047);
  CHECK(layout.members(Axis::ep, ranks - 1).front() == ranks - 511);
  CHECK(layout.first_member(Axis::tp, ranks - 1) == ranks - 8);
}

TEST_CASE("The fewest ranks are those for which the layout can be made") {
  for (std::int64_t const tp : {1, 2, 3, 4})
    for (std::int64_t const ep : {1, 2, 4, 6})
      for (std::int64_t const etp : {0, 1, 2, 3}) {
        LayoutConfig config;
        config.tp = tp;
        config.ep = ep;
        config.etp = etp;
        auto const fewest = fewest_ranks(config);
        CHECK_NOTHROW(Layout(config, fewest));
        for (std::int64_t ranks = 1; ranks < fewest; ++ranks) CHECK_THROWS_AS(Layout(config, ranks), UserError);
      }
}

TEST_CASE("The fewest ranks follow from dp or edp where one is given") {
  LayoutConfig config;
  config.tp = 2;
  config.ep = 2;
  config.etp = 1;
  config.dp = 5;
  CHECK(fewest_ranks(config) == 10);
  config.dp = 0;
  config.edp = 3;
  CHECK(fewest_ranks(config) == 6);
  config.ep = config.tp = 65537;
  config.etp = 65539;
  config.edp = 0;
  CHECK_THROWS_AS(fewest_ranks(config), UserError);
}
