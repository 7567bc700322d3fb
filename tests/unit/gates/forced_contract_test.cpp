// What every workload of forced routing promises.
#include "base/range.hpp"
#include "config/forced_workloads.hpp"
#include "unit/gates/forced_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

struct Sizes {
  std::int64_t experts, top_k, sequences, sequence_length;
};

/// Each token's, from none to all experts.
RecordedChoices recorded_choices(RunConfig const& config) {
  RecordedChoices recorded{1, 3, tokens_of(config), {0}, {}};
  auto const experts = config.model.num_experts;
  for (std::int64_t token = 0; token < 3 * tokens_of(config); ++token) {
    for (std::int64_t c = 0; c < token % (experts + 1); ++c) recorded.expert.push_back(int((2 * experts + token - c) % experts));
    recorded.offsets.push_back(std::int64_t(recorded.expert.size()));
  }
  return recorded;
}

/// A workload, and a replay as one that needs a file.
std::unique_ptr<ForcedRouting const> routing_of(RunConfig const& config) {
  if (auto routing = make_forced_routing(config)) return routing;
  if (find_forced_workload(config.routing.forced)->replays == Replays::choices)
    return make_replayed_routing(config, recorded_choices(config));
  auto const experts = config.model.num_experts;
  RecordedCounts recorded{1, 3, experts, {}};
  for (std::int64_t i = 0; i < 3 * experts; ++i)
    recorded.count.push_back(config.model.top_k == experts ? tokens_of(config) : (i * 5) % (tokens_of(config) + 1));
  return make_replayed_routing(config, recorded);
}

template <class Action>
void for_every_workload(Sizes const& sizes, Action action) {
  for (auto const& workload : all_forced_workloads()) {
    auto config = forced_run(std::string(workload.name), sizes.experts, sizes.top_k, sizes.sequences, sizes.sequence_length);
    if (sizes.experts == sizes.top_k) {
      config.routing.zero_experts.clear();
      config.routing.hot_share = 1.0 / double(sizes.experts);
      config.routing.expert_ranges = sizes.experts;
      config.routing.max_vio = 0;
    }
    INFO(workload.name << " E " << sizes.experts << " k " << sizes.top_k);
    action(config, *routing_of(config));
  }
}

Sizes const shapes[] = {{8, 2, 4, 25}, {7, 1, 3, 11}, {7, 3, 3, 11}, {4, 4, 2, 5}, {1, 1, 2, 3}, {16, 2, 1, 1}};

}  // namespace

TEST_CASE("the experts of a token are distinct and there are such experts") {
  for (auto const& sizes : shapes)
    for_every_workload(sizes, [&](RunConfig const& config, ForcedRouting const& routing) {
      for (std::int64_t const step : {0, 1, 11})
        for (std::int64_t const layer : {0, 2})
          require_distinct(chosen(routing, config, step, layer), tokens_of(config), sizes.experts);
    });
}

TEST_CASE("a token's experts do not depend on which tokens are asked for with it, nor on their order") {
  for (auto const& sizes : shapes)
    for_every_workload(sizes, [&](RunConfig const& config, ForcedRouting const& routing) {
      auto const all = chosen(routing, config, 3, 1);
      for (std::int64_t const parts : {2, 3, 5, 200}) {
        std::vector<int> joined;
        for (std::int64_t part = 0; part < parts; ++part) {
          auto const range = split(tokens_of(config), parts, parts - 1 - part);
          auto const some = chosen(routing, config, 3, 1, range.begin, range.end);
          joined.insert(joined.begin(), some.expert.begin(), some.expert.end());
        }
        REQUIRE(joined == all.expert);
      }
      auto const again = chosen(*routing_of(config), config, 3, 1);
      REQUIRE(again.expert == all.expert);
      REQUIRE(again.offsets == all.offsets);
    });
}

TEST_CASE("no tokens make no choices") {
  for_every_workload(shapes[0], [&](RunConfig const& config, ForcedRouting const& routing) {
    auto const none = chosen(routing, config, 0, 0, 4, 4);
    REQUIRE(none.offsets == std::vector<int>{0});
    REQUIRE(none.expert.empty());
  });
}

TEST_CASE("workloads that draw differ from seed to seed, layer to layer and step to step") {
  for_every_workload({8, 2, 4, 25}, [&](RunConfig const& config, ForcedRouting const& routing) {
    if (config.routing.forced == "even" || config.routing.forced == "replay_choices") return;
    auto other = config;
    other.train.seed = 8;
    auto const base = chosen(routing, config, 12, 0).expert;
    if (config.routing.forced != "burst") {  // even between bursts
      REQUIRE(chosen(*routing_of(other), other, 12, 0).expert != base);
      REQUIRE(chosen(routing, config, 13, 0).expert != base);
      REQUIRE(chosen(routing, config, 12, 1).expert != base);
    }
  });
}

TEST_CASE("a token makes as many choices as its gate would, unless the workload says otherwise") {
  for_every_workload({8, 3, 4, 25}, [&](RunConfig const& config, ForcedRouting const& routing) {
    if (config.routing.forced == "ragged_source" || find_forced_workload(config.routing.forced)->replays != Replays::nothing)
      return;
    auto const all = chosen(routing, config, 1, 0);
    for (std::size_t t = 0; t < all.offsets.size(); ++t) REQUIRE(all.offsets[t] == int(3 * t));
  });
}

TEST_CASE("natural routing, and a replay without its file, have no workload to make") {
  REQUIRE(make_forced_routing(forced_run("none", 4, 2, 1, 4)) == nullptr);
  REQUIRE(make_forced_routing(forced_run("replay_counts", 4, 2, 1, 4)) == nullptr);
  REQUIRE(make_forced_routing(forced_run("replay_choices", 4, 2, 1, 4)) == nullptr);
}
