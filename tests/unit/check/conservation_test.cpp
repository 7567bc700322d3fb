#include "check/conservation.hpp"

#include "support/catch.hpp"

using namespace moescope;

namespace {

/// Two ranks, one layer, three experts, two choices a token; etp 2, so that each kept choice is a row on both.
struct Step {
  RunConfig config;
  Layout layout;
  StepReport report;

  Step() : layout(two_slices(), 2) {
    config.model.num_layers = 1;
    config.model.num_experts = 3;
    config.model.top_k = 2;
    report.step = 7;
    report.tokens = 5;
    report.ranks.resize(2);
    set(0, {3, 2, 1}, {3, 1, 1});
    set(1, {1, 1, 2}, {1, 1, 2});
    for (auto& rank : report.ranks) rank.expert_rows = {4, 2, 3};
    report.ranks[0].rows_sent = report.ranks[1].rows_received = {4};
    report.ranks[1].rows_sent = report.ranks[0].rows_received = {5};
  }
  static LayoutConfig two_slices() {
    LayoutConfig sizes;
    sizes.etp = 2;
    return sizes;
  }
  void set(std::size_t rank, std::vector<std::int64_t> const& routed, std::vector<std::int64_t> const& kept) {
    report.ranks[rank].routed = routed;
    report.ranks[rank].processed = kept;
  }
  std::string failure() const { return conservation_failure(config, layout, report); }
};

bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a step that loses nothing passes") { CHECK(Step().failure().empty()); }

TEST_CASE("a lost choice is named with step and layer") {
  Step step;
  --step.report.ranks[1].routed[2];
  CHECK(contains(step.failure(), "step 7, layer 0: 5 tokens made 9 choices instead of 10"));
}

TEST_CASE("a row that left and did not arrive is named") {
  Step step;
  --step.report.ranks[0].rows_received[0];
  CHECK(contains(step.failure(), "the ranks sent 9 rows and received 8"));
}

TEST_CASE("a pad is a row too") {
  Step step;
  for (auto& rank : step.report.ranks) rank.expert_rows = {4, 3, 3};
  CHECK(contains(step.failure(), "expert 1 were computed for 2 kept choices and 0 pads"));
  step.report.ranks[1].pads = {0, 1, 0};
  CHECK(step.failure().empty());
}

TEST_CASE("a row that was computed twice, or not at all, is named with its expert") {
  Step step;
  ++step.report.ranks[0].expert_rows[2];
  CHECK(contains(step.failure(), "7 rows of expert 2 were computed for 3 kept choices and 0 pads on 2 etp ranks each"));
}

TEST_CASE("an expert that keeps more than chose it is named") {
  Step step;
  step.report.ranks[0].processed[1] = 4;
  CHECK(contains(step.failure(), "expert 1 kept 5 choices of 3"));
}
