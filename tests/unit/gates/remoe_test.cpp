// ReLU routing, and the lambda that keeps its number of choices.
#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

double updated_lambda(GateCase const& c, std::vector<double> const& counts) {
  auto const gate = make_gate<double>(c.model);
  auto const lambda = to_matrix({0.5}, 1, 1);
  gate->update(ExecSpace(), GateStep{counts, double(c.tokens()), {}}, {lambda});
  return to_vector(lambda)[0];
}

}  // namespace

TEST_CASE("remoe takes the experts with positive logits, weighted by these, none where there is none") {
  auto c = make_case("remoe", 3, 1, 2, 2);
  c.model.hidden_size = 2;
  c.model.gate.network = "linear";
  c.x = {1, 0, 0, 1};
  c.parameters = {{.5, -1, -.25, -1, 2, -1}, {1}};
  auto const run = run_gate(c);
  REQUIRE(run.choices_of_token == std::vector<int>{2, 0});
  REQUIRE(run.expert == std::vector<int>{2, 0});
  REQUIRE(run.weight == std::vector<double>{2, .5});
}

TEST_CASE("lambda grows where tokens take more than top_k experts on average, and shrinks where they take fewer") {
  auto const c = make_case("remoe", 3, 2, 10, 10);
  REQUIRE(updated_lambda(c, {10, 10, 1}) == Approx(0.5 * 1.2));
  REQUIRE(updated_lambda(c, {10, 9, 0}) == Approx(0.5 / 1.2));
  REQUIRE(updated_lambda(c, {10, 10, 0}) == 0.5);
}

TEST_CASE("the loss of remoe is lambda times the mean affinity, expert by expert times its choices") {
  auto c = make_case("remoe", 2, 1, 2, 2);
  c.model.num_layers = 4;
  c.model.hidden_size = 2;
  c.model.gate.network = "linear";
  weigh_losses(c.model, 1);
  c.pool_shape.pools_in_step = 1;
  c.x = {1, 0, 0, 1};
  c.parameters = {{3, 1, -1, 5}, {.5}};  // expert 0: 3 and 1; expert 1: 5 of the second token
  auto const expected = .5 / 4 * (2 * 2 / 2. * (3 + 1) / 2. + 2 * 1 / 2. * 5 / 2.);
  REQUIRE(run_gate(c).balance_loss[0] == Approx(expected).epsilon(1e-14));
}
