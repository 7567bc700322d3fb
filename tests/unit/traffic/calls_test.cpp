#include "traffic/calls.hpp"

#include <algorithm>

#include "support/catch.hpp"
#include "unit/traffic/small_run.hpp"

using namespace moescope;
using namespace moescope::testing;
using namespace moescope::traffic;

namespace {

struct Seen {
  std::string name;
  std::int64_t micro_step, router, payload_bytes;
  friend bool operator==(Seen const&, Seen const&) = default;
};

std::vector<Seen> even_calls(RunConfig const& config, Layout const& layout, std::int64_t rank) {
  auto const list = collectives(config, layout);
  std::vector<Seen> seen;
  EvenSteps(config, layout).for_each_call(rank, [&](Call const& call) {
    seen.push_back({list[call.collective].name, call.micro_step, call.router, call.payload_bytes});
  });
  return seen;
}

}  // namespace

TEST_CASE("Calls come in the order of a step: forward, backward with the last router first, reductions") {
  auto config = small_run();
  config.train.dtype = DType::float32;
  // 6 tokens of 32 bytes and 12 choices a rank, six of which leave it; a row of dispatch has 4 bytes more, its weight.
  CHECK(even_calls(config, make_layout({2, 1, 2}), 0) == std::vector<Seen>{
                                                             {"control.labels", -1, -1, 8},
                                                             {"control.counts", 0, 0, 64},
                                                             {"ep.dispatch.forward", 0, 0, 216},
                                                             {"ep.combine.forward", 0, 0, 192},
                                                             {"control.counts", 0, 1, 64},
                                                             {"ep.dispatch.forward", 0, 1, 216},
                                                             {"ep.combine.forward", 0, 1, 192},
                                                             {"ep.combine.backward", 0, 1, 192},
                                                             {"ep.dispatch.backward", 0, 1, 216},
                                                             {"ep.combine.backward", 0, 0, 192},
                                                             {"ep.dispatch.backward", 0, 0, 216},
                                                             {"control.loss", -1, -1, 8},
                                                             {"control.gate_statistics", -1, -1, 160},
                                                             {"dp.gradients", -1, -1, 568 * 4},
                                                             {"stage.gradients", -1, -1, 176 * 4},
                                                             {"control.gradient_norm", -1, -1, 8},
                                                         });
}

TEST_CASE("A call of rows says how many go to and come from each member") {
  auto config = small_run();
  auto const layout = make_layout({2, 1, 2});
  RoutedCounts counts(1, 2, 2, 4);
  std::int64_t const kept[2][4] = {{3, 3, 2, 1}, {4, 0, 6, 0}};
  for (std::int64_t r = 0; r < 2; ++r)
    for (std::int64_t e = 0; e < 4; ++e) counts.at(0, 1, r, e) = kept[r][e];
  auto const list = collectives(config, layout);
  std::vector<std::vector<std::int64_t>> rows;
  for_each_call(config, layout, counts, 1, [&](Call const& call) {
    if (call.router != 1 || list[call.collective].operation != Operation::all_to_all || call.pass == Pass::backward) return;
    rows.push_back({call.send_rows.begin(), call.send_rows.end()});
    rows.push_back({call.receive_rows.begin(), call.receive_rows.end()});
  });
  std::vector<std::int64_t> const out = {4, 6}, in = {3, 6};
  CHECK(rows == std::vector<std::vector<std::int64_t>>{out, in, in, out});
}

TEST_CASE("A rank's calls follow from the counts of its expert block alone") {
  auto config = small_run();
  auto const layout = make_layout({8, 2, 2, 2});
  auto const all = even_routing(config, layout);
  for (auto const* dispatcher : {"all_to_all", "all_gather"}) {
    config.train.dispatcher = dispatcher;
    for (std::int64_t rank = 0; rank < 8; ++rank) {
      RoutedCounts block(1, 2, 4, 4);
      auto const members = layout.members(Axis::expert_block, rank);
      for (std::int64_t l = 0; l < 2; ++l)
        for (std::int64_t i = 0; i < 4; ++i)
          for (std::int64_t e = 0; e < 4; ++e) block.at(0, l, i, e) = all.at(0, l, members[std::size_t(i)], e);
      CHECK(step_volumes(config, layout, block, rank) == step_volumes(config, layout, all, rank));
      CHECK(peer_bytes(config, layout, block, rank) == peer_bytes(config, layout, all, rank));
      CHECK(computed_rows(config, layout, block, rank).sum == computed_rows(config, layout, all, rank).sum);
    }
  }
}
