#include <fmt/format.h>

#include "config/forced_workloads.hpp"
#include "example.hpp"
#include "support/catch.hpp"

using namespace moescope;
using Catch::Contains;
using Texts = std::vector<std::string>;

namespace {

/// Of the example: 4 experts, 2 choices a token, 2 layers.
RunConfig forced(std::string const& workload, Texts overrides = {}) {
  overrides.insert(overrides.begin(), {"eval.every=0", "routing.forced=" + workload});
  return example::parse(example::toml, overrides);
}

}  // namespace

TEST_CASE("runs are labelled by their routing") {
  CHECK(routing_label(example::parse(example::toml)) == "natural");
  CHECK(routing_label(forced("even")) == "forced:even");
  CHECK_FALSE(is_forced(example::parse(example::toml)));
  CHECK(is_forced(forced("burst")));
}

TEST_CASE("a token makes as many choices as its gate would, or any number by a gate or workload of different numbers") {
  CHECK(most_choices(example::parse(example::toml)) == 2);
  CHECK(most_choices(example::parse(example::toml, {"gate.kind=uniform"})) == 4);
  CHECK(most_choices(forced("zipf")) == 2);
  CHECK(most_choices(forced("ragged_source")) == 4);
  CHECK(most_choices(forced("replay_choices", {"routing.file=run.h5"})) == 4);
}

TEST_CASE("counts are given once or for each layer") {
  CHECK(forced("counts", {"routing.counts=[1, 2, 3, 4]"}).routing.counts ==
        std::vector<std::vector<std::int64_t>>{{1, 2, 3, 4}, {1, 2, 3, 4}});
  CHECK(forced("counts", {"routing.counts=[[1, 2, 3, 4], [5, 6, 0, 0]]"}).routing.counts ==
        std::vector<std::vector<std::int64_t>>{{1, 2, 3, 4}, {5, 6, 0, 0}});
}

TEST_CASE("a workload that cannot be is refused with key, value and rule") {
  struct Case {
    std::string workload;
    Texts settings;
    std::string says;
  };
  std::vector<Case> const cases{
      {"hot", {}, "--set routing.forced=hot: routing.forced = \"hot\" must be one of none, even, uniform, hot_set"},
      {"even", {"eval.every=5"}, "eval.every = 5 must be 0 with routing.forced = \"even\": a forced run tells nothing of losses"},
      {"hot_set", {"routing.hot_experts=5"}, "routing.hot_experts = 5 must be at most 4"},
      {"hot_set", {"routing.hot_share=0.6"}, "routing.hot_share = 0.6 must be from 0 to 0.5: a token makes 2 choices"},
      {"hot_set", {"routing.hot_experts=3", "routing.hot_share=0.4"}, "must be from 0.5 to 1"},
      {"hot_set", {"routing.hot_share=1.5"}, "must be at least 0 and at most 1"},
      {"rotating", {"routing.rotate_every=0"}, "routing.rotate_every = 0 must be at least 1"},
      {"hot_rank", {"routing.expert_ranges=5"}, "routing.expert_ranges = 5 must be at most 4"},
      {"hot_rank", {"routing.hot_range=2"}, "routing.hot_range = 2 must be at most 1"},
      {"hot_rank", {"routing.expert_ranges=4", "routing.hot_share=0.7"}, "routing.hot_share = 0.7 must be from 0 to 0.5"},
      {"burst", {"routing.burst_length=11"}, "routing.burst_length = 11 must be at most 10"},
      {"zipf", {"routing.zipf_exponent=-1"}, "routing.zipf_exponent = -1 must be at least 0"},
      {"max_vio", {"routing.max_vio=1.5"}, "routing.max_vio = 1.5 must be at most 1"},
      {"zero_expert", {}, "routing.zero_experts = [] must name one or more experts"},
      {"zero_expert", {"routing.zero_experts=[4]"}, "each once, from 0 to 3"},
      {"zero_expert", {"routing.zero_experts=[1, 1]"}, "each once, from 0 to 3"},
      {"zero_expert", {"routing.zero_experts=[0, 1, 2]"}, "must leave 2 experts with choices"},
      {"zero_expert", {"routing.zero_experts=1"}, "must be a list of integers"},
      {"ragged_source", {"routing.most_choices=5"}, "routing.most_choices = 5 must be at most 4"},
      {"ragged_source", {"routing.most_choices=1", "routing.fewest_choices=2"}, "routing.fewest_choices = 2 must be at most 1"},
      {"ragged_source", {"routing.ragged_by=rank"}, "must be one of sequence, token"},
      {"ragged_source", {"capacity.policy=random"}, "capacity.policy = \"random\" must be \"none\" with routing.forced"},
      {"counts", {}, "routing.counts = [] must give a number of choices for each expert"},
      {"counts", {"routing.counts=[1, 2, 3]"}, "must give 4 counts in each layer"},
      {"counts", {"routing.counts=[[1, 2, 3, 4]]"}, "for each of the 2 layers"},
      {"counts", {"routing.counts=[9, 0, 0, 0]"}, "must leave 2 experts with choices"},
      {"counts", {"routing.counts=[9, -1, 3, 3]"}, "must be at least 0"},
      {"replay_counts", {}, "routing.file = \"\" must name the run file"},
      {"replay_counts", {"routing.file=run.h5", "routing.file_step=7"}, "must be a string"},
      {"replay_counts", {"routing.file=run.h5", "routing.file_step=step:-7"}, "must be start, middle, end or step:<n>"},
      {"replay_choices", {}, "routing.file = \"\" must name the run file"},
      {"replay_choices", {"routing.file=run.h5", "routing.file_steps=last"}, "must be one of held, advancing"},
  };
  for (auto const& row : cases) {
    auto const sentence = example::refusal([&] { forced(row.workload, row.settings); });
    INFO(sentence);
    CHECK_THAT(sentence, Contains(row.says));
    if (!row.settings.empty()) CHECK_THAT(sentence, Contains("--set "));
    CHECK(sentence.find('\n') == std::string::npos);
  }
}

TEST_CASE("a step of a file is its first, middle or last one, or has a number") {
  CHECK(step_in_file("start", 9) == 0);
  CHECK(step_in_file("middle", 9) == 4);
  CHECK(step_in_file("end", 9) == 8);
  CHECK(step_in_file("step:12", 9) == 12);
  for (auto const* text : {"", "first", "step:", "step:x", "step:1x", "step:-1", "step:+1", "12"})
    CHECK_FALSE(step_in_file(text, 9).has_value());
}
