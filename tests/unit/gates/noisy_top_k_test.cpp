#include "unit/gates/golden_values.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

struct Golden {
  std::string load_estimate;
  double cv2_load, balance_loss;
  std::vector<double> load, d_logits, d_noise_logits;
};

std::vector<Golden> const goldens = {
    {"released",
     .00461636,
     .003074190,
     {1.355085, 1.149913, 1.228374, 1.257217},
     {-8.068e-4, 8.615e-4, -5.763e-5, 2.919e-6, 1.998e-4, -8.325e-4, 0, 6.328e-4, -1.031e-5, -1.869e-4, -1.820e-3, 2.017e-3},
     {-3.199e-4, 6.211e-4, -1.607e-5, 2.934e-6, 5.862e-5, -1.035e-4, 0, 5.697e-5, -2.336e-6, -4.192e-5, 7.279e-4, 1.653e-3}},
    {"noisy_logit",
     .01185075,
     .003146534,
     {1.174767, 1.353284, 1.251089, 1.507523},
     {-1.233e-3, 9.589e-4, -1.792e-4, 4.529e-4, -2.739e-4, -5.517e-4, -4.862e-4, 1.312e-3, -4.373e-4, 3.243e-5, -1.907e-3,
      2.312e-3},
     {-1.461e-4, 6.236e-4, -4.996e-5, 1.445e-4, -8.036e-5, -1.287e-4, -2.763e-4, 3.741e-6, -1.558e-4, 7.274e-6, 7.817e-4,
      1.591e-3}}};

/// Forward and backward with no gradient from the outputs, transposed back to tokens x experts.
struct BalanceGradient {
  std::vector<double> d_logits, d_noise_logits;
};

BalanceGradient balance_gradient(GateCase const& c) {
  Router<double> const router(c.model);
  std::vector<Matrix<double>> parameters, gradients;
  for (auto const& p : c.parameters) {
    parameters.push_back(to_matrix(p, 4, 3));
    gradients.push_back(to_matrix({}, 4, 3));
  }
  SerialPool pool;
  auto context = c.context_of(c.ids(), pool);
  context.injected = &c.injected;
  auto const x = to_matrix(c.x, 3, 3), d_x = to_matrix({}, 3, 3);
  auto const result = router.forward(ExecSpace(), x, parameters, context);
  Vector<double> const d_weight("test::d_weight", result.routing.num_choices);
  router.backward(ExecSpace(), x, parameters, context, result, d_weight, d_x, gradients);
  return {transpose(to_vector(gradients[0]), 4, 3), transpose(to_vector(gradients[1]), 4, 3)};
}

/// Half a unit of the fourth significant digit.
double half_unit(double printed) {
  return printed == 0 ? 1e-18 : 0.5 * std::pow(10, std::floor(std::log10(std::abs(printed))) - 3);
}

void require_four_digits(std::vector<double> const& values, std::vector<double> const& printed) {
  REQUIRE(values.size() == printed.size());
  for (std::size_t i = 0; i < values.size(); ++i) require_printed({values[i]}, {printed[i]}, half_unit(printed[i]));
}

}  // namespace

TEST_CASE("noisy top-k routes the worked example as printed") {
  auto const run = run_gate(golden_case("noisy_top_k"));
  REQUIRE(run.expert == std::vector<int>{0, 1, 1, 3, 3, 2});
  require_printed(run.weight, {.618174, .381826, .588951, .411049, .763998, .236002}, .5e-6);
  require_printed(run.importance, {.618174, .970777, .236002, 1.175047}, .5e-6);
}

TEST_CASE("noisy top-k gives both load estimates and their loss as printed") {
  for (auto const& golden : goldens) {
    auto c = golden_case("noisy_top_k");
    c.model.gate.load_estimate = golden.load_estimate;
    auto const run = run_gate(c);
    CAPTURE(golden.load_estimate);
    require_printed(run.load, golden.load, .5e-6);
    require_printed(run.cv2, {.30280266 + golden.cv2_load}, 1e-8);
    require_printed(run.balance_loss, {golden.balance_loss}, .5e-9);
  }
}

TEST_CASE("noisy top-k gives the gradient of the balance loss as printed") {
  for (auto const& golden : goldens) {
    auto c = golden_case("noisy_top_k");
    c.model.gate.load_estimate = golden.load_estimate;
    auto const gradient = balance_gradient(c);
    CAPTURE(golden.load_estimate);
    require_four_digits(gradient.d_logits, golden.d_logits);
    require_four_digits(gradient.d_noise_logits, golden.d_noise_logits);
  }
}

TEST_CASE("noisy top-k evaluates without noise, with counts as load") {
  auto c = golden_case("noisy_top_k");
  c.context.training = false;
  auto const run = run_gate(c);
  require_printed(run.importance, {.622459, .549834, 1.023197, .80451}, .6e-6);
  REQUIRE(run.load == std::vector<double>{1, 1, 2, 2});
  require_printed(run.cv2, {.07937241 + .14814815}, 1e-8);
  require_printed(run.balance_loss, {.0022752056}, .5e-10);
  REQUIRE(run.gradients[1] == std::vector<double>(12, 0.0));
}

TEST_CASE("noisy top-k counts positive scores when every expert is selected or no noise is added") {
  auto c = make_case("noisy_top_k", 4, 4, 6, 6);
  c.pool_shape.pools_in_step = 1;
  REQUIRE(run_gate(c).load == std::vector<double>(4, 6.0));

  c = make_case("noisy_top_k", 5, 2, 6, 6);
  c.pool_shape.pools_in_step = 1;
  c.model.gate.add_noise = false;
  c.fill();
  auto const run = run_gate(c);
  std::vector<double> histogram(5);
  for (int const e : run.expert) ++histogram[e];
  REQUIRE(run.load == histogram);

  c.model.gate.use_softmax = false;
  auto const raw = run_gate(c);
  std::vector<double> positive(5);
  for (std::size_t j = 0; j < raw.expert.size(); ++j) positive[raw.expert[j]] += raw.weight[j] > 0;
  REQUIRE(raw.load == positive);
}

TEST_CASE("noise that vanishes leaves every number finite") {
  auto c = make_case("noisy_top_k");
  c.model.gate.noise_epsilon = 0;
  c.parameters.back().assign(c.parameters.back().size(), -1e4);
  for (double& x : c.x) x = std::abs(x);
  auto const all_finite = [](std::vector<double> const& values) {
    return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
  };
  auto const run = run_gate(c);
  CHECK((all_finite(run.weight) && all_finite(run.load) && all_finite(run.d_x)));
  for (auto const& gradient : run.gradients) CHECK(all_finite(gradient));
}

TEST_CASE("one expert has a balance loss of zero") {
  auto const run = run_gate(make_case("noisy_top_k", 1, 1, 4, 2));
  REQUIRE(run.balance_loss[0] == 0);
  REQUIRE(run.cv2[0] == 0);
}

TEST_CASE("pool terms are averaged over the pools of the step") {
  auto c = make_case("noisy_top_k", 4, 2, 6, 3);
  c.pool_shape.pools_in_step = 5;
  auto const both = run_gate(c);
  double sum = 0;
  for (std::int64_t const begin : {0, 3}) {
    auto part = c;
    part.pool_shape = {c.pool_shape.first_id + begin, 3, 3, 1};
    part.x = {c.x.begin() + begin * 5, c.x.begin() + (begin + 3) * 5};
    sum += run_gate(part).balance_loss[0] / 5;
  }
  REQUIRE(both.balance_loss[0] == Approx(sum).epsilon(1e-13));
  REQUIRE(both.balance_loss[0] == Approx(0.5 * both.cv2[0]).epsilon(1e-13));
}

TEST_CASE("with a loss of weight 0 the statistics are recorded and the objective gets nothing") {
  auto c = golden_case("noisy_top_k");
  auto const with = run_gate(c);
  weigh_losses(c.model, 0);
  auto const without = run_gate(c);
  REQUIRE(without.balance_loss[0] == 0);
  REQUIRE(without.load == with.load);
  REQUIRE(without.importance == with.importance);
  REQUIRE(without.cv2 == with.cv2);
  auto const gradient = balance_gradient(c);
  REQUIRE(gradient.d_logits == std::vector<double>(12, 0.0));
  REQUIRE(gradient.d_noise_logits == std::vector<double>(12, 0.0));
}

TEST_CASE("noisy top-k makes one sum and no gather, whatever is switched off") {
  for (bool const training : {true, false})
    for (double const weight : {0.5, 0.0}) {
      auto c = make_case("noisy_top_k");
      c.context.training = training;
      weigh_losses(c.model, weight);
      auto const run = run_gate(c, consecutive({6, 6}));
      REQUIRE(run.num_sums == 1);
      REQUIRE(run.num_gathers == 0);
    }
}
