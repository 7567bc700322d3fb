#include "run/evaluation.hpp"

#include "support/catch.hpp"

using namespace moescope;

namespace {

std::vector<std::int64_t> evaluated(std::int64_t steps, std::int64_t every) {
  RunConfig config;
  config.train.steps = steps;
  config.eval.every = every;
  return evaluation_steps(config);
}

}  // namespace

TEST_CASE("evaluations happen before the first step, at every multiple and after the last step, once each") {
  using Steps = std::vector<std::int64_t>;
  CHECK(evaluated(10, 0) == Steps{});
  CHECK(evaluated(10, 4) == Steps{0, 4, 8, 10});
  CHECK(evaluated(10, 5) == Steps{0, 5, 10});
  CHECK(evaluated(10, 20) == Steps{0, 10});
  CHECK(evaluated(1, 1) == Steps{0, 1});
}
