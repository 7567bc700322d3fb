// Backward of every learnable gate against central differences of what its forward feeds into the objective: the weights
// of the choices and the balance loss. Choices must not change between the points.
#include "gradient/gates/gate_gradient.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::test;

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
  REQUIRE(error_of_gradient(c, gradient_of(without, run_gate(without))) > 1e-3);
}

TEST_CASE("the check fails for a backward that takes the other load estimate") {
  auto const c = make_case("noisy_top_k");
  auto other = c;
  other.model.gate.load_estimate = "noisy_logit";
  REQUIRE(error_of_gradient(c, gradient_of(other, run_gate(other))) > 1e-3);
}

TEST_CASE("the check fails for a backward that forgets the noise matrix") {
  auto const c = make_case("noisy_top_k");
  auto run = run_gate(c);
  std::fill(run.gradients.back().begin(), run.gradients.back().end(), 0.0);
  REQUIRE(error_of_gradient(c, gradient_of(c, run)) > 1e-3);
}
