// switch_transformer, whose network sees jittered states in training, and gshard, whose second choice is drawn.
#include <cmath>

#include "gates/jitter.hpp"
#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

TEST_CASE("factors of a jitter fill their range, and are those of a token and element whoever owns it") {
  auto c = make_case("switch_transformer", 6, 1, 400, 400);
  SerialPool pool;
  auto const factors_of = [&](Range const& ids) {
    auto const context = c.context_of(TokenIds({ids}), pool);
    return to_vector(gates::Jitter(context, 0.25)
                         .product<double>(ExecSpace(), to_matrix(std::vector<double>(ids.size() * 5, 1.0), ids.size(), 5)));
  };
  auto const all = factors_of({1000, 1400}), some = factors_of({1100, 1103});
  CHECK(std::equal(some.begin(), some.end(), all.begin() + 500));
  auto const [least, most] = std::minmax_element(all.begin(), all.end());
  CHECK((*least >= 0.75 && *least < 0.76 && *most > 1.24 && *most <= 1.25));
  CHECK(std::reduce(all.begin(), all.end()) / double(all.size()) == Approx(1).margin(0.01));
}

TEST_CASE("switch_transformer jitters in training alone, and weighs with the probability that it chose by") {
  auto c = make_case("switch_transformer", 6, 1, 40, 40);
  auto const training = run_gate(c);
  c.context.training = false;
  auto const evaluation = run_gate(c);
  CHECK(training.weight != evaluation.weight);
  c.context.training = true;
  c.model.gate.jitter = 0;
  CHECK(run_gate(c).weight == evaluation.weight);
  for (double const weight : evaluation.weight) CHECK((weight > 1.0 / 6 && weight <= 1));
}

TEST_CASE("gshard takes the second expert as often as twice its weight says, and always in evaluation") {
  auto c = make_case("gshard", 6, 2, 4000, 4000);
  c.context.training = false;
  auto const both = run_gate(c);
  REQUIRE(both.expert.size() == 8000);
  double wanted = 0;
  for (std::size_t t = 0; t < 4000; ++t) {
    CHECK(both.weight[2 * t] + both.weight[2 * t + 1] == Approx(1).epsilon(1e-14));
    wanted += std::min(1.0, 2 * both.weight[2 * t + 1]);
  }
  c.context.training = true;
  auto const drawn = run_gate(c);
  std::size_t choice = 0, seconds = 0;
  for (std::size_t t = 0; t < 4000; ++t) {
    CHECK(drawn.expert[choice] == both.expert[2 * t]);
    CHECK(drawn.weight[choice] == both.weight[2 * t]);
    if (drawn.choices_of_token[t] == 2) {
      ++seconds;
      CHECK(drawn.expert[choice + 1] == both.expert[2 * t + 1]);
      CHECK(drawn.weight[choice + 1] == both.weight[2 * t + 1]);
    }
    choice += std::size_t(drawn.choices_of_token[t]);
  }
  CHECK(double(seconds) == Approx(wanted).epsilon(0.05));
  CHECK(seconds < 4000);
}
