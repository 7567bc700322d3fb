// Gates without a balance loss: uniform, random and their learnable forms.
#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

TEST_CASE("the uniform gate gives every expert 1/E, or 1 without softmax") {
  auto c = make_case("uniform", 4, 2, 3, 3);
  auto const run = run_gate(c);
  REQUIRE(run.expert == std::vector<int>{0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3});
  REQUIRE(run.weight == std::vector<double>(12, 0.25));
  c.model.gate.use_softmax = false;
  REQUIRE(run_gate(c).weight == std::vector<double>(12, 1.0));
}

TEST_CASE("the random gate weighs each of its k experts 1/E as released") {
  auto c = make_case("random", 5, 2, 400, 400);
  auto run = run_gate(c);
  REQUIRE(run.weight == std::vector<double>(800, 0.2));
  std::vector<int> count(5);
  for (int const e : run.expert) ++count[e];
  for (int const n : count) REQUIRE(std::abs(n - 160) < 50);  // 5 standard deviations of a binomial
  c.model.gate.use_softmax = false;
  REQUIRE(run_gate(c).weight == std::vector<double>(800, 1.0));
}

TEST_CASE("random routing can be replayed") {
  auto c = make_case("random", 3, 2, 2, 2);
  c.injected.noise = {.1, .9, .5, .7, .2, .3};
  REQUIRE(run_gate(c).expert == std::vector<int>{1, 2, 0, 2});
}

TEST_CASE("the learnable uniform gate is a softmax over all experts, best first") {
  auto c = make_case("uniform_learnable", 3, 1, 1, 1);
  c.model.hidden_size = 1;
  c.model.gate.network = "linear";
  c.x = {2};
  c.parameters = {{0.5, 1.5, -0.5}};  // logits 1, 3, -1
  auto run = run_gate(c);
  double const sum = std::exp(1) + std::exp(3) + std::exp(-1);
  REQUIRE(run.expert == std::vector<int>{1, 0, 2});
  REQUIRE(run.weight[0] == Approx(std::exp(3) / sum).epsilon(1e-14));
  REQUIRE(run.weight[1] == Approx(std::exp(1) / sum).epsilon(1e-14));
  REQUIRE(run.weight[2] == Approx(std::exp(-1) / sum).epsilon(1e-14));
  c.model.gate.use_softmax = false;
  REQUIRE(run_gate(c).weight == std::vector<double>{3, 1, -1});
}

TEST_CASE("the learnable random gate scores the experts that were drawn") {
  auto c = make_case("random_learnable", 3, 2, 1, 1);
  c.model.hidden_size = 1;
  c.model.gate.network = "linear";
  c.x = {2};
  c.parameters = {{0.5, 1.5, -0.5}};
  c.injected.noise = {.8, .1, .9};
  auto const run = run_gate(c);
  REQUIRE(run.expert == std::vector<int>{2, 0});
  REQUIRE(run.weight[0] == Approx(1 / (1 + std::exp(2))).epsilon(1e-14));
}

TEST_CASE("gates without a loss exchange nothing and record nothing") {
  for (std::string const kind : {"uniform", "uniform_learnable", "random", "random_learnable"}) {
    auto const c = make_case(kind);
    Router<double> const router(c.model);
    auto const tensors = gate_tensors(c.model);
    std::vector<Matrix<double>> parameters;
    for (std::size_t i = 0; i < tensors.size(); ++i)
      parameters.push_back(to_matrix(c.parameters[i], tensors[i].rows, tensors[i].columns));
    auto context = c.context;
    context.tokens = c.ids();
    auto const result = router.forward(ExecSpace(), to_matrix(c.x, c.tokens(), c.model.hidden_size), parameters, context);
    REQUIRE(result.balance_loss() == 0);
    REQUIRE(result.statistics() == nullptr);
  }
}

TEST_CASE("gates name their parameters as published checkpoints do") {
  auto const names = [](std::string const& kind, std::string const& network, bool add_noise) {
    auto c = make_case(kind, 6, 2);
    c.model.gate.network = network;
    c.model.gate.add_noise = add_noise;
    std::string list;
    for (auto const& p : gate_tensors(c.model))
      list += p.name + "[" + std::to_string(p.rows) + "," + std::to_string(p.columns) + "] ";
    return list;
  };
  std::string const linear = "gate_network.weight[6,5] ", mlp = "gate_network.0.weight[6,5] gate_network.2.weight[6,6] ";
  REQUIRE(names("noisy_top_k", "linear", true) == linear + "weight_noise.weight[6,5] ");
  REQUIRE(names("noisy_top_k", "mlp", true) == mlp + "weight_noise.weight[6,5] ");
  REQUIRE(names("noisy_top_k", "mlp", false) == mlp);
  REQUIRE(names("switch", "mlp", true) == mlp);
  REQUIRE(names("uniform_learnable", "linear", true) == linear);
  REQUIRE(names("random_learnable", "mlp", true) == mlp);
  REQUIRE(names("uniform", "mlp", true).empty());
  REQUIRE(names("random", "mlp", true).empty());
}
