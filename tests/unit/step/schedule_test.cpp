#include <limits>

#include "step/optimizer.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

OptimizerConfig cosine() {
  OptimizerConfig config;
  config.learning_rate = 2;
  config.warm_up_steps = 4;
  config.min_ratio = 0.1;
  return config;
}

}  // namespace

TEST_CASE("the learning rate warms up linearly, follows a half cosine and stops at the smallest ratio") {
  auto const rate = [](std::int64_t number) { return learning_rate(cosine(), 12, number); };
  CHECK(rate(1) == Approx(0.5).epsilon(1e-15));
  CHECK(rate(3) == Approx(1.5).epsilon(1e-15));
  CHECK(rate(4) == 2);
  CHECK(rate(6) == Approx(1 + std::sqrt(0.5)).epsilon(1e-15));
  CHECK(rate(8) == Approx(1).epsilon(1e-15));
  CHECK(rate(10) == Approx(1 - std::sqrt(0.5)).epsilon(1e-14));
  CHECK(rate(11) == Approx(0.2).epsilon(1e-15));  // the cosine alone would give 0.076: a clamp
  CHECK(rate(12) == Approx(0.2).epsilon(1e-15));
  CHECK(rate(100) == Approx(0.2).epsilon(1e-15));
}

TEST_CASE("a schedule may be longer than the run, constant, without warm-up, or all warm-up") {
  auto config = cosine();
  config.schedule_steps = 20;
  CHECK(learning_rate(config, 12, 12) == Approx(1).epsilon(1e-15));
  config = cosine();
  config.schedule = "constant";
  CHECK(learning_rate(config, 12, 2) == 1);
  CHECK(learning_rate(config, 12, 12) == 2);
  config = cosine();
  config.warm_up_steps = 0;
  CHECK(learning_rate(config, 12, 6) == Approx(1).epsilon(1e-15));
  CHECK(learning_rate(cosine(), 3, 3) == 1.5);
  CHECK(learning_rate(cosine(), 3, 4) == 2);
  CHECK(learning_rate(cosine(), 3, 5) == Approx(0.2).epsilon(1e-15));
}

TEST_CASE("gradients are scaled down to the clip norm, never up, and not at all where it is 0") {
  OptimizerConfig config;
  config.clip_norm = 3;
  CHECK(clip_factor(config, 6) == 3 / (6 + 1e-6));
  CHECK(clip_factor(config, 2.9) == 1);
  CHECK(clip_factor(config, 0) == 1);
  CHECK(clip_factor(config, 3) == 3 / (3 + 1e-6));
  CHECK(clip_factor(config, std::numeric_limits<double>::infinity()) == 0);
  config.clip_norm = 0;
  CHECK(clip_factor(config, 6) == 1);
}
