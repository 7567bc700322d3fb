#include <algorithm>

#include "config/gate_kinds.hpp"
#include "gradient/model/cases.hpp"
#include "gradient/model/objective.hpp"
#include "support/catch.hpp"

using namespace moescope;
using namespace moescope::test;

TEST_CASE("the gradient of cross-entropy and balance losses is their derivative by every parameter of a model") {
  for (auto const& each : gradient_cases()) {
    INFO(each.name);
    auto const objective = model_objective(each.config);
    auto const worst = worst_error(*objective, objective->gradient());
    INFO(worst.tensor);
    CHECK(worst.error < tolerance);
  }
}

TEST_CASE("the cases hold what they are named after: unlabelled and padding tokens, kept and dropped choices") {
  for (auto const& each : gradient_cases()) {
    INFO(each.name);
    auto const objective = model_objective(each.config);
    auto const& batch = objective->batch();
    auto const& tokens = batch.host.tokens;
    CHECK(batch.num_labels > 0);
    CHECK(batch.num_labels < std::int64_t(tokens.size()));
    auto const pad = int(each.config.model.pad_token_id);
    CHECK((std::count(tokens.begin(), tokens.end(), pad) > 0) == (pad >= 0));
    auto const& kept = objective->kept();
    CHECK(std::count(kept.begin(), kept.end(), 1) > 0);
    CHECK((std::count(kept.begin(), kept.end(), 0) > 0) == drops(each.config.model));
  }
}
