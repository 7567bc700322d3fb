// What published gates are put together from: sigmoids, weights by affinity, limited groups.

#include <cmath>
#include <limits>

#include "base/upload.hpp"
#include "gates/group_limit.hpp"
#include "gates/selection.hpp"
#include "gates/sigmoid.hpp"
#include "gates/weigh_by_affinity.hpp"
#include "gradient/finite_difference.hpp"
#include "support/catch.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

constexpr std::int64_t tokens = 3, experts = 5, choices = 2;

Matrix<double> rows_of(std::vector<double> const& values) { return to_matrix(values, tokens, experts); }

double dot(std::vector<double> const& a, std::vector<double> const& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

TEST_CASE("a sigmoid lies between 0 and 1 whatever the logits, and its backward adds the gradient of central differences") {
  auto const sigmoid = to_vector(gates::sigmoid<double>(ExecSpace(), to_matrix({1000, -1000, 1, 0}, 1, 4)));
  CHECK(sigmoid[0] == 1);
  CHECK(sigmoid[1] == 0);
  CHECK(sigmoid[2] == Approx(1 / (1 + std::exp(-1.0))).epsilon(1e-15));
  CHECK(sigmoid[3] == 0.5);

  auto const upstream = normals(tokens * experts, 1, 1), point = normals(tokens * experts, 1, 0);
  auto const values = [&](std::vector<double> const& logits) { return gates::sigmoid<double>(ExecSpace(), rows_of(logits)); };
  auto const d_logits = rows_of(std::vector<double>(tokens * experts, 2.0));
  gates::sigmoid_backward<double>(ExecSpace(), values(point), rows_of(upstream), d_logits);
  auto gradient = to_vector(d_logits);
  for (auto& g : gradient) g -= 2;
  auto const loss = [&](std::vector<double> const& moved) { return dot(to_vector(values(moved)), upstream); };
  CHECK(gradient_error(loss, point, gradient) < 1e-7);
}

TEST_CASE("weights by affinity are the affinities of the choices, divided by their sum or not, and have their gradient") {
  auto const upstream = normals(tokens * choices, 1, 1);
  auto const d_weight = Vector<double>("test::d_weight", upstream.size());
  upload(ExecSpace(), upstream, d_weight);
  auto point = normals(tokens * experts, 1, 0);
  for (auto& value : point) value = 1 + std::abs(value);
  auto const order = gates::top_experts<double>(ExecSpace(), rows_of(point), choices);
  for (bool const normalise : {true, false}) {
    auto const routing = gates::route<double>(ExecSpace(), order, choices, experts);
    auto const weights = [&](std::vector<double> const& affinity) {
      gates::weigh_by_affinity<double>(ExecSpace(), rows_of(affinity), normalise, routing);
      return to_vector(routing.weight);
    };
    auto const expert = to_vector(routing.expert);
    auto const a = point[expert[0]], b = point[expert[1]];
    CAPTURE(normalise);
    CHECK(weights(point)[0] == Approx(normalise ? a / (a + b) : a).epsilon(1e-15));
    auto const d_affinity = rows_of(std::vector<double>(tokens * experts));
    gates::weigh_by_affinity_backward<double>(ExecSpace(), rows_of(point), normalise, routing, d_weight, d_affinity);
    auto const loss = [&](std::vector<double> const& moved) { return dot(weights(moved), upstream); };
    CHECK(gradient_error(loss, point, to_vector(d_affinity)) < 1e-7);
  }
}

TEST_CASE("only experts of the best groups stay, by the best or the two best of a group, ties to the lower group") {
  constexpr double none = -std::numeric_limits<double>::infinity();
  auto const ranking = to_matrix({5, 0, 3, 3, 4, 1, 1, 1, 1, 1, 1, 1}, 2, 6);
  auto const limited = [&](std::int64_t kept, int best) {
    return to_vector(gates::limit_groups<double>(ExecSpace(), ranking, 3, kept, best));
  };
  CHECK(limited(1, 1) == std::vector<double>{5, 0, none, none, none, none, 1, 1, none, none, none, none});
  CHECK(limited(1, 2) == std::vector<double>{none, none, 3, 3, none, none, 1, 1, none, none, none, none});
  CHECK(limited(2, 1) == std::vector<double>{5, 0, none, none, 4, 1, 1, 1, 1, 1, none, none});
  CHECK(limited(3, 2) == to_vector(ranking));
}
