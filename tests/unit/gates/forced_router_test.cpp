// Forced choices in place of any gate's: weights, losses and gradients still come from the gate.
#include "config/forced_workloads.hpp"
#include "gradient/finite_difference.hpp"
#include "support/catch.hpp"
#include "unit/gates/forced_case.hpp"
#include "unit/gates/gate_case.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

constexpr std::int64_t experts = 6, tokens = 12;

/// A gate's case, its step the one in which the tokens lie, and what forces it.
struct Forced {
  Forced(std::string const& kind, std::string const& workload)
      : config(forced_run(workload, experts, 2, 1, 340)), c(make_case(kind, experts, 2, tokens, 4)) {
    config.model.gate.kind = kind;
    routing = make_forced_routing(config);
    c.context.step = c.pool_shape.first_id / tokens_of(config);
    c.context.forced = routing.get();
  }

  RunConfig config;
  GateCase c;
  std::unique_ptr<ForcedRouting const> routing;
};

template <class Action>
void for_every_gate(Action action) {
  for (auto const& kind : gate_kinds())
    for (auto const* workload : {"zipf", "ragged_source"}) {
      Forced const forced(kind, workload);
      auto const& model = forced.c.model;
      if (drops(model) && is_ragged(forced.config) && !is_ragged(model)) continue;  // the configuration refuses it
      INFO(kind << " " << workload);
      action(forced, forced.c);
    }
}

/// Of all that has a gradient: x, then each trained tensor.
template <class Case, class Action>
void for_each_part(Case& c, Action action) {
  action(c.x);
  auto const tensors = gate_tensors(c.model);
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].trained) action(c.parameters[i]);
}

std::vector<double> point_of(GateCase const& c) {
  std::vector<double> point;
  for_each_part(c, [&](auto const& part) { point.insert(point.end(), part.begin(), part.end()); });
  return point;
}

GateCase at_point(GateCase c, std::vector<double> const& point) {
  auto next = point.begin();
  for_each_part(c, [&](std::vector<double>& part) {
    std::copy_n(next, part.size(), part.begin());
    next += std::ptrdiff_t(part.size());
  });
  return c;
}

}  // namespace

TEST_CASE("every gate's choices are the forced ones, and dropping comes after") {
  for_every_gate([](Forced const& forced, GateCase const& c) {
    auto const first = c.pool_shape.first_id - c.context.step * tokens_of(forced.config);
    auto const expected = chosen(*forced.routing, forced.config, c.context.step, c.context.layer, first, first + tokens);
    auto const run = run_gate(c);
    REQUIRE(run.expert == expected.expert);
    for (std::size_t t = 0; t < std::size_t(tokens); ++t)
      REQUIRE(run.choices_of_token[t] == expected.offsets[t + 1] - expected.offsets[t]);
    for (auto const weight : run.weight) REQUIRE(std::isfinite(weight));
  });
}

TEST_CASE("forced choices are the same under any split of the tokens over ranks") {
  for_every_gate([](Forced const&, GateCase const& c) {
    auto const whole = run_gate(c), split = run_gate(c, consecutive({5, 0, 4, 3}));
    REQUIRE(split.expert == whole.expert);
    REQUIRE(split.kept == whole.kept);
    for (std::size_t i = 0; i < whole.weight.size(); ++i) REQUIRE(std::abs(split.weight[i] - whole.weight[i]) <= 1e-12);
    for (std::size_t i = 0; i < whole.d_x.size(); ++i) REQUIRE(std::abs(split.d_x[i] - whole.d_x[i]) <= 1e-11);
  });
}

TEST_CASE("the backward of forced choices agrees with central differences") {
  for_every_gate([](Forced const&, GateCase const& c) {
    auto const run = run_gate(c);
    auto slopes = c;
    slopes.x = run.d_x;
    slopes.parameters = run.gradients;
    auto const gradient = point_of(slopes);
    auto const loss = [&](std::vector<double> const& point) {
      auto const moved = at_point(c, point);
      return objective(moved, run_gate(moved));
    };
    REQUIRE(gradient_error(loss, point_of(c), gradient, {.step = 2e-6}) < 1e-6);
  });
}
