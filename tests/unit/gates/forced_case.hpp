#pragma once
#include <algorithm>
#include <numeric>

#include "gates/forced_routing.hpp"
#include "support/catch.hpp"

/// Small runs whose routing is forced, and what is asked of any of them.
namespace moescope::test {

inline RunConfig forced_run(std::string const& workload, std::int64_t experts, std::int64_t top_k, std::int64_t sequences,
                            std::int64_t sequence_length) {
  RunConfig config;
  config.model.gate.kind = "random";
  config.model.num_layers = 3;
  config.model.num_experts = experts;
  config.model.top_k = top_k;
  config.batch = {.sequences = sequences, .sequence_length = sequence_length};
  config.train.seed = 7;
  config.routing.forced = workload;
  config.routing.zero_experts = {0};
  config.routing.counts.assign(3, std::vector<std::int64_t>(std::size_t(experts), 5));
  return config;
}

inline std::int64_t tokens_of(RunConfig const& config) { return config.batch.sequences * config.batch.sequence_length; }

/// Choices of the tokens in positions [begin, end) of a step.
struct Chosen {
  std::vector<int> offsets, expert;

  std::vector<std::int64_t> counts(std::int64_t experts) const {
    std::vector<std::int64_t> count(static_cast<std::size_t>(experts));
    for (auto const e : expert) ++count[std::size_t(e)];
    return count;
  }
};

inline Chosen chosen(ForcedRouting const& routing, RunConfig const& config, std::int64_t step, std::int64_t layer,
                     std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(end - begin));
  std::iota(tokens.begin(), tokens.end(), step * tokens_of(config) + begin);
  Chosen result{{-1}, {-1, -1}};  // what was there before
  routing.choose(step, layer, tokens, result.offsets, result.expert);
  return result;
}

inline Chosen chosen(ForcedRouting const& routing, RunConfig const& config, std::int64_t step = 0, std::int64_t layer = 0) {
  return chosen(routing, config, step, layer, 0, tokens_of(config));
}

inline std::vector<std::int64_t> counts_of(RunConfig const& config, std::int64_t step = 0, std::int64_t layer = 0) {
  return chosen(*make_forced_routing(config), config, step, layer).counts(config.model.num_experts);
}

inline std::int64_t largest(std::vector<std::int64_t> const& counts) { return *std::max_element(counts.begin(), counts.end()); }
inline std::int64_t smallest(std::vector<std::int64_t> const& counts) { return *std::min_element(counts.begin(), counts.end()); }

inline void require_distinct(Chosen const& all, std::int64_t tokens, std::int64_t experts) {
  REQUIRE(std::int64_t(all.offsets.size()) == tokens + 1);
  REQUIRE(all.offsets.front() == 0);
  REQUIRE(all.offsets.back() == int(all.expert.size()));
  for (std::size_t t = 0; t < std::size_t(tokens); ++t) {
    std::vector<int> mine(all.expert.begin() + all.offsets[t], all.expert.begin() + all.offsets[t + 1]);
    std::sort(mine.begin(), mine.end());
    REQUIRE(std::adjacent_find(mine.begin(), mine.end()) == mine.end());
    REQUIRE((mine.empty() || (mine.front() >= 0 && mine.back() < experts)));
  }
}

}  // namespace moescope::test
