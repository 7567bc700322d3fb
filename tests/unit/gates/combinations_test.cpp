// Every gate with every loss and every policy of a capacity; a new kind of any of them is covered without an edit here.
#include "unit/gates/combinations.hpp"

#include <algorithm>
#include <set>

#include "config/capacity.hpp"
#include "config/loss_kinds.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

struct Sizes {
  std::int64_t experts, top_k, tokens, tokens_in_pool;
};
std::vector<Sizes> const all_sizes = {{6, 2, 12, 4}, {5, 1, 8, 8}, {4, 4, 6, 3}, {1, 1, 4, 2}, {6, 2, 0, 4}};

/// Choices, and kept ones, of each pool and expert.
struct Histogram {
  std::vector<std::int64_t> chosen, kept;

  Histogram(GateCase const& c, GateRun const& run) {
    auto const experts = c.model.num_experts;
    chosen.resize(std::size_t(c.pool_shape.count() * experts));
    kept.resize(chosen.size());
    std::size_t choice = 0;
    for (std::int64_t t = 0; t < c.tokens(); ++t)
      for (int j = 0; j < run.choices_of_token[std::size_t(t)]; ++j, ++choice) {
        auto const at = std::size_t(t / c.pool_shape.tokens_in_pool * experts + run.expert[choice]);
        ++chosen[at];
        kept[at] += run.kept[choice];
      }
  }
};

void require_choices(GateCase const& c, GateRun const& run) {
  REQUIRE(std::ssize(run.choices_of_token) == c.tokens());
  auto next = run.expert.begin();
  for (int const count : run.choices_of_token) {
    std::set<int> const distinct(next, next + count);
    REQUIRE(std::ssize(distinct) == count);
    for (int const e : distinct) REQUIRE((0 <= e && e < c.model.num_experts));
    next += count;
  }
  REQUIRE(next == run.expert.end());
  for (double const weight : run.weight) REQUIRE(std::isfinite(weight));
  for (double const d : run.d_x) REQUIRE(std::isfinite(d));
  REQUIRE(std::isfinite(run.balance_loss[0]));
}

void require_capacity(GateCase const& c, Histogram const& counts) {
  auto const capacity = drops(c.model) ? expert_capacity(c.model, c.pool_shape.tokens_in_pool) : c.tokens();
  for (std::size_t i = 0; i < counts.chosen.size(); ++i) REQUIRE(counts.kept[i] == std::min(counts.chosen[i], capacity));
}

/// The recorded load of a loss that counts choices.
void require_load(GateCase const& c, GateRun const& run, Histogram const& counts) {
  auto const experts = std::size_t(c.model.num_experts);
  std::vector<double> load(experts);
  for (std::size_t pool = 0; pool < counts.chosen.size() / experts; ++pool) {
    auto const row = std::span(counts.chosen).subspan(pool * experts, experts);
    auto const all = std::max<std::int64_t>(1, std::reduce(row.begin(), row.end()));
    for (std::size_t e = 0; e < experts; ++e) load[e] += double(row[e]) / double(all * c.pool_shape.pools_in_step);
  }
  REQUIRE(run.load.size() == experts);
  for (std::size_t e = 0; e < experts; ++e) REQUIRE(run.load[e] == Approx(load[e]).margin(1e-14));
}

/// The calls over pools that rows of gate, loss and policy declare; their bytes: tests/equivalence.
void require_calls(GateCase const& c, GateRun const& run) {
  std::int64_t sums = 0, gathers = 0;
  for (auto const& [operation, pool, numbers] : pool_calls(c.model, c.context.training))
    (operation == RouterPoolCalls::Operation::sum ? sums : gathers) += numbers.calls;
  REQUIRE(std::int64_t(run.num_sums) == sums);
  REQUIRE(std::int64_t(run.num_gathers) == gathers);
}

double distance(std::vector<double> const& a, std::vector<double> const& b) {
  if (a.size() != b.size()) return 1;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i])));
  return largest;
}

void require_equal(GateRun const& run, GateRun const& one) {
  REQUIRE(run.choices_of_token == one.choices_of_token);
  REQUIRE(run.expert == one.expert);
  REQUIRE(run.kept == one.kept);
  REQUIRE(distance(run.weight, one.weight) <= 1e-13);
  REQUIRE(distance(run.d_x, one.d_x) <= 1e-13);
  REQUIRE(run.gradients.size() == one.gradients.size());
  for (std::size_t i = 0; i < run.gradients.size(); ++i) REQUIRE(distance(run.gradients[i], one.gradients[i]) <= 1e-13);
  for (double const loss : run.balance_loss)
    REQUIRE(std::abs(loss - one.balance_loss[0]) <= 1e-13 * std::max(1.0, std::abs(loss)));
  REQUIRE(run.balance_loss == std::vector(run.balance_loss.size(), run.balance_loss[0]));
}

bool counts_every_choice(std::string const& loss) { return loss_kind(loss).of_shares && loss != "gshard"; }

}  // namespace

TEST_CASE("every gate with every loss and capacity policy chooses distinct experts, counts them and keeps up to the capacity") {
  for (auto const& sizes : all_sizes)
    for_each_combination(sizes.experts, sizes.top_k, sizes.tokens, sizes.tokens_in_pool, [](Combination const& each) {
      CAPTURE(each.gate, each.loss, each.policy, each.gate_case.model.num_experts);
      auto const run = run_gate(each.gate_case);
      require_choices(each.gate_case, run);
      require_calls(each.gate_case, run);
      Histogram const counts(each.gate_case, run);
      require_capacity(each.gate_case, counts);
      if (counts_every_choice(each.loss)) require_load(each.gate_case, run, counts);
    });
}

TEST_CASE("every gate with every loss and capacity policy is the same under any split of the tokens over ranks") {
  std::vector<std::vector<std::vector<Range>>> const splits = {
      consecutive({5, 0, 7}), {{{0, 3}, {9, 12}}, {{3, 9}}}, {{{1, 2}, {5, 6}, {7, 9}}, {{0, 1}, {2, 5}}, {{6, 7}, {9, 12}}}};
  std::size_t number = 0;
  for_each_combination(6, 2, 12, 4, [&](Combination const& each) {
    CAPTURE(each.gate, each.loss, each.policy);
    require_equal(run_gate(each.gate_case, splits[number++ % splits.size()]), run_gate(each.gate_case));
  });
}

TEST_CASE("the gradient of every loss reaches every tensor of a gate that evaluation uses") {
  for_each_combination(6, 2, 14, 7, [](Combination const& each) {
    auto const& kind = loss_kind(each.loss);
    bool const of_scores = kind.needs_affinity || kind.needs_logits;
    bool const always_even = kind.of_shares && choices_per_token(each.gate_case.model) == each.gate_case.model.num_experts;
    if (each.policy != "none" || !of_scores || always_even) return;
    if (gate_kind(each.gate).gathers_scores && !kind.keys.empty()) return;  // groups of experts are balanced already
    auto without = each.gate_case;
    without.model.gate.loss.emplace();
    auto const with_loss = run_gate(each.gate_case), without_loss = run_gate(without);
    auto const tensors = gate_tensors(each.gate_case.model);
    CAPTURE(each.gate, each.loss);
    REQUIRE(with_loss.d_x != without_loss.d_x);
    for (std::size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].trained && !tensors[i].only_in_training) REQUIRE(with_loss.gradients[i] != without_loss.gradients[i]);
  });
}
