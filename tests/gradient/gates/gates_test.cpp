// Backward of every learnable gate against central differences of what its forward feeds into the objective: the weights
// of the choices and the balance loss. Choices must not change between the points.
#include <stdexcept>

#include "gradient/finite_difference.hpp"
#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

std::vector<double> point_of(GateCase const& c) {
  auto point = c.x;
  for (auto const& p : c.parameters) point.insert(point.end(), p.begin(), p.end());
  return point;
}

GateCase at_point(GateCase c, std::vector<double> const& point) {
  auto next = point.begin();
  auto const take = [&](std::vector<double>& values) {
    std::copy_n(next, values.size(), values.begin());
    next += std::ptrdiff_t(values.size());
  };
  take(c.x);
  for (auto& p : c.parameters) take(p);
  return c;
}

std::vector<double> gradient_of(GateRun const& run) {
  auto gradient = run.d_x;
  for (auto const& g : run.gradients) gradient.insert(gradient.end(), g.begin(), g.end());
  return gradient;
}

double error_of_gradient(GateCase const& c, std::vector<double> const& gradient) {
  auto const reference = run_gate(c);
  auto const loss = [&](std::vector<double> const& point) {
    auto const moved = run_gate(at_point(c, point));
    if (moved.expert != reference.expert) throw std::logic_error("a choice changed within the difference step");
    return objective(c, moved);
  };
  return gradient_error(loss, point_of(c), gradient, {.step = 2e-6});
}

double error_of_backward(GateCase const& c) { return error_of_gradient(c, gradient_of(run_gate(c))); }

}  // namespace

TEST_CASE("backward of noisy top-k in training agrees with central differences") {
  for (std::string const network : {"linear", "mlp"})
    for (std::string const load_estimate : {"released", "noisy_logit"})
      for (bool const use_softmax : {true, false})
        for (std::int64_t const top_k : {1, 2, 5}) {
          auto c = make_case("noisy_top_k", 6, top_k);
          c.model.gate.network = network;
          c.model.gate.load_estimate = load_estimate;
          c.model.gate.use_softmax = use_softmax;
          c.fill();
          CAPTURE(network, load_estimate, use_softmax, top_k);
          REQUIRE(error_of_backward(c) < 1e-7);
        }
}

TEST_CASE("backward of noisy top-k agrees where the load is a count") {
  auto all_selected = make_case("noisy_top_k", 4, 4);
  REQUIRE(error_of_backward(all_selected) < 1e-7);

  auto evaluation = make_case("noisy_top_k");
  evaluation.context.training = false;
  REQUIRE(error_of_backward(evaluation) < 1e-7);

  auto no_noise = make_case("noisy_top_k");
  no_noise.model.gate.add_noise = false;
  no_noise.fill();
  REQUIRE(error_of_backward(no_noise) < 1e-7);

  auto no_balance = make_case("noisy_top_k");
  weigh_losses(no_balance.model, 0);
  REQUIRE(error_of_backward(no_balance) < 1e-7);
}

TEST_CASE("backward of the switch gate agrees with central differences") {
  for (std::string const network : {"linear", "mlp"})
    for (std::string const score : {"noisy_logit", "probability"})
      for (bool const use_softmax : {true, false})
        for (bool const training : {true, false}) {
          auto c = make_case("switch");
          c.model.gate.network = network;
          c.model.gate.switch_score = score;
          c.model.gate.use_softmax = use_softmax;
          c.context.training = training;
          c.fill();
          CAPTURE(network, score, use_softmax, training);
          REQUIRE(error_of_backward(c) < 1e-7);
        }
}

TEST_CASE("backward of every kind agrees with central differences, several pools and one") {
  for (auto const& kind : gate_kinds())
    for (std::int64_t const tokens_in_pool : {1, 3, 12})
      for (bool const use_softmax : {true, false}) {
        auto c = make_case(kind, 6, 2, 12, tokens_in_pool);
        c.model.gate.use_softmax = use_softmax;
        CAPTURE(kind, tokens_in_pool, use_softmax);
        REQUIRE(error_of_backward(c) < 1e-7);
      }
}

TEST_CASE("the check fails for a backward that forgets the balance loss") {
  auto const c = make_case("noisy_top_k");
  auto without = c;
  weigh_losses(without.model, 0);
  REQUIRE(error_of_gradient(c, gradient_of(run_gate(without))) > 1e-3);
}

TEST_CASE("the check fails for a backward that takes the other load estimate") {
  auto const c = make_case("noisy_top_k");
  auto other = c;
  other.model.gate.load_estimate = "noisy_logit";
  REQUIRE(error_of_gradient(c, gradient_of(run_gate(other))) > 1e-3);
}

TEST_CASE("the check fails for a backward that forgets the noise matrix") {
  auto const c = make_case("noisy_top_k");
  auto run = run_gate(c);
  std::fill(run.gradients.back().begin(), run.gradients.back().end(), 0.0);
  REQUIRE(error_of_gradient(c, gradient_of(run)) > 1e-3);
}
