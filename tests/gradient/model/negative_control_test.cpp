// Damaged gradients, each of which the same check must reject.
#include <algorithm>
#include <cmath>

#include "gradient/model/cases.hpp"
#include "gradient/model/objective.hpp"
#include "support/catch.hpp"
#include "support/losses.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

template <class Damage>
void damage(std::vector<double>& gradient, TensorRange const& tensor, Damage&& f) {
  std::transform(gradient.begin() + std::ptrdiff_t(tensor.begin), gradient.begin() + std::ptrdiff_t(tensor.end),
                 gradient.begin() + std::ptrdiff_t(tensor.begin), f);
}

/// Tensors whose gradient passes although it was scaled by 1.001.
std::vector<std::string> undetected(Objective& objective) {
  std::vector<std::string> names;
  auto const gradient = objective.gradient();
  for (auto const& tensor : objective.tensors()) {
    auto scaled = gradient;
    damage(scaled, tensor, [](double g) { return 1.001 * g; });
    if (tensor_error(objective, tensor, scaled) < tolerance) names.push_back(tensor.name);
  }
  return names;
}

}  // namespace

TEST_CASE("a gradient that is wrong by a thousandth in any one tensor is rejected") {
  for (auto const& config : {small_model(), small_switch_model("input")}) {
    CHECK(undetected(*model_objective(config)) == std::vector<std::string>{});
    CHECK(undetected(*block_objective(config)) == std::vector<std::string>{});
  }
}

TEST_CASE("a gradient that leaves out an expert is rejected") {
  auto const objective = model_objective(small_model());
  auto gradient = objective->gradient();
  for (auto const& tensor : objective->tensors())
    if (tensor.name.ends_with("layers.1.mlp.calculator.experts.weight_down.3"))
      damage(gradient, tensor, [](double) { return 0.0; });
  auto const worst = worst_error(*objective, gradient);
  CHECK(worst.error > 0.1);
  CHECK(worst.tensor == "model.layers.1.mlp.calculator.experts.weight_down.3");
}

TEST_CASE("a gradient that leaves out the balance loss is rejected") {
  auto without = small_model();
  weigh_losses(without.model, 0);
  CHECK(worst_error(*model_objective(small_model()), model_objective(without)->gradient()).error > 1e-2);
}

TEST_CASE("a gradient of padding look-ups is missing where the embedding of padding moves") {
  auto const moving = model_objective(small_padded_model(), false);
  auto const worst = worst_error(*moving, moving->gradient());
  CHECK(worst.error > 1e-2);
  CHECK(worst.tensor == "model.embed_tokens.weight");
}

TEST_CASE("a point at which a decision changes is refused, not differentiated") {
  auto const objective = model_objective(small_model());
  auto far = objective->point();
  for (auto& value : far) value = -value;
  CHECK_THROWS_AS(objective->loss(far), std::logic_error);
}
