// The bias of deepseek_v3, which balances without a loss.
#include "gates/bias_update.hpp"

#include "config/gate_kinds.hpp"
#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

std::vector<double> counts_of(GateRun const& run, std::int64_t experts) {
  std::vector<double> counts(static_cast<std::size_t>(experts));
  for (int const e : run.expert) ++counts[e];
  return counts;
}

/// (largest - mean) / mean
double max_violation(std::vector<double> const& counts) {
  double const mean = std::reduce(counts.begin(), counts.end()) / double(counts.size());
  return *std::max_element(counts.begin(), counts.end()) / mean - 1;
}

/// The bias after the gate's own update.
std::vector<double> updated(GateCase const& c, std::vector<double> const& counts) {
  auto const gate = make_gate<double>(c.model);
  std::vector<Matrix<double>> parameters;
  auto const declared = gate_tensors(c.model);
  for (std::size_t i = 0; i < declared.size(); ++i)
    parameters.push_back(to_matrix(c.parameters[i], declared[i].rows, declared[i].columns));
  gate->update(ExecSpace(), {.choices = counts, .tokens = double(c.tokens()), .pool_means = {}}, parameters);
  return to_vector(parameters.back());
}

/// A case most of whose tokens want the first experts.
GateCase skewed(std::int64_t groups) {
  auto c = make_case("deepseek_v3", 8, 2, 400, 400);
  c.model.gate.num_groups = groups;
  c.model.gate.groups_kept = (groups + 1) / 2;
  c.model.gate.bias_update_rate = 0.005;
  for (std::int64_t t = 0; t < c.tokens(); ++t) c.x[t * c.model.hidden_size] = 1;
  for (std::int64_t e = 0; e < 8; ++e) c.parameters[0][e * c.model.hidden_size] = 2 - 0.5 * double(e);
  std::fill(c.parameters.back().begin(), c.parameters.back().end(), 0.0);
  return c;
}

}  // namespace

TEST_CASE("a bias grows by the rate for fewer choices than the mean, shrinks for more, and stays for the mean itself") {
  CHECK(gates::bias_steps(std::vector<double>{5, 3, 4, 4}, 0.25, false) == std::vector<double>{-0.25, 0.25, 0, 0});
  CHECK(gates::bias_steps(std::vector<double>{9, 1, 1, 1}, 0.25, false) == std::vector<double>{-0.25, 0.25, 0.25, 0.25});
  auto const row = to_matrix({1, 2}, 1, 2);
  gates::add_to_row<double>(ExecSpace(), {0.5, -1}, row);
  CHECK(to_vector(row) == std::vector<double>{1.5, 1});
}

TEST_CASE("with zero mean what is added to the biases sums to nothing") {
  CHECK(gates::bias_steps(std::vector<double>{9, 1, 1, 1}, 0.25, true) == std::vector<double>{-0.375, 0.125, 0.125, 0.125});
}

TEST_CASE("the bias of deepseek_v3 starts at zero, is not trained, and brings a skewed input to its balance") {
  auto const bias = gate_tensors(make_case("deepseek_v3").model).back();
  CHECK((bias.name == "e_score_correction_bias" && !bias.trained && bias.initial == 0));
  for (std::int64_t const groups : {1, 4})
    for (bool const zero_mean : {false, true}) {
      auto c = skewed(groups);
      c.model.gate.bias_zero_mean = zero_mean;
      auto const start = max_violation(counts_of(run_gate(c), 8));
      for (int step = 0; step < 400; ++step) c.parameters.back() = updated(c, counts_of(run_gate(c), 8));
      auto const end = max_violation(counts_of(run_gate(c), 8));
      CAPTURE(groups, zero_mean, start, end);
      CHECK(start > 1);
      CHECK(end < 0.1);
      auto const sum = std::reduce(c.parameters.back().begin(), c.parameters.back().end());
      if (zero_mean) CHECK(std::abs(sum) < 1e-12);
    }
}

TEST_CASE("a kind without such a bias changes nothing in its update") {
  for (auto const& kind : all_gate_kinds()) {
    if (kind.updates) continue;
    auto const c = make_case(std::string(kind.name));
    if (c.parameters.empty()) continue;
    CAPTURE(kind.name);
    CHECK(updated(c, std::vector<double>(6, 1.0)) == c.parameters.back());
  }
}
