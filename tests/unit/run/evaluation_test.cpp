#include "run/evaluation.hpp"

#include <set>

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

TEST_CASE("no held-out sequence has the number of a training sequence or of another domain's") {
  std::set<std::int64_t> numbers;
  for (std::int64_t domain = 0; domain < 3; ++domain)
    for (std::int64_t i = 0; i < 5; ++i) numbers.insert(first_held_out_sequence({1, 5}, domain, 3) + i);
  CHECK(numbers.size() == 15);
  CHECK(*numbers.rbegin() < 0);
}

TEST_CASE("evaluations happen before the first step, at every multiple and after the last step, once each") {
  using Steps = std::vector<std::int64_t>;
  CHECK(evaluated(10, 0) == Steps{});
  CHECK(evaluated(10, 4) == Steps{0, 4, 8, 10});
  CHECK(evaluated(10, 5) == Steps{0, 5, 10});
  CHECK(evaluated(10, 20) == Steps{0, 10});
  CHECK(evaluated(1, 1) == Steps{0, 1});
}
