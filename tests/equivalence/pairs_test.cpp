#include "equivalence/pairs.hpp"

#include <cstdio>

#include "check/outcome.hpp"
#include "check/twin.hpp"
#include "config/choices.hpp"
#include "dispatch/dispatcher.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"

using namespace moescope;
using namespace moescope::equivalence;

TEST_CASE("every allowed pair of values of two options occurs in a case, and no forbidden one") {
  auto const array = covering_array();
  for (std::size_t i = 0; i < options().size(); ++i) {
    for (std::size_t j = i + 1; j < options().size(); ++j) {
      for (std::size_t v = 0; v < options()[i].values.size(); ++v) {
        for (std::size_t w = 0; w < options()[j].values.size(); ++w) {
          bool occurs = false;
          for (auto const& values : array) occurs = occurs || (values[i] == v && values[j] == w);
          INFO(options()[i].name << " " << v << ", " << options()[j].name << " " << w);
          REQUIRE(occurs == allowed(i, v, j, w));
        }
      }
    }
  }
  CHECK(array.size() < 75);
}

TEST_CASE("every case obeys the rules of a configuration") {
  for (auto const& values : covering_array()) {
    auto const each = make_case(values);
    INFO(each.name);
    CHECK_NOTHROW(validate(each.config));
  }
}

namespace {

/// One of the layouts and dispatchers that can hold the model, another one for each case; every other one in another order of
/// the ranks.
RunConfig arranged(RunConfig config, std::int64_t ranks, std::size_t number) {
  auto const possible = layouts(config.model, ranks);
  config.layout = possible[number % possible.size()];
  auto const kinds = dispatcher_kinds();
  config.train.dispatcher = kinds[number / possible.size() % kinds.size()];
  if (number % 2 == 1) config.layout.order = choices::layout_order[1 + number / 2 % 5];
  if (config.train.dispatcher == "local" && config.layout.ep > 1) config.train.dispatcher = "all_to_all";
  return config;
}

bool agrees(Communicator const& world, Deviation const& found, Case const& each, RunConfig const& config, char const* what) {
  if (!found.sentence().empty())
    std::printf("%s of %s, %s, %s: %s\n", what, each.name.c_str(), describe(config.layout).c_str(),
                config.train.dispatcher.c_str(), found.sentence().c_str());
  return world.sum(std::int64_t(!found.sentence().empty())) == 0;
}

}  // namespace

TEST_CASE("with any two options together a layout computes what one rank computes, and so does the twin") {
  auto const world = Communicator::world();
  auto const alone = world.split(world.rank(), 0);
  bool all = true;
  auto const array = covering_array();
  for (std::size_t i = 0; i < array.size(); ++i) {
    auto const each = make_case(array[i]);
    auto config = arranged(each.config, world.size(), i);
    auto const source = synthetic_source(config);
    auto const found = run_two_steps(world, config, source);
    auto one = each.config;
    one.train.dispatcher = "local";
    auto const reference = world.rank() == 0 ? run_two_steps(alone, one, source) : Outcome();
    all = agrees(world, deviation(found, reference), each, config, "two steps") && all;
    Layout const layout(config.layout, world.size());
    config.layout.dp = layout.size(Axis::dp);
    config.layout.etp = layout.size(Axis::etp);
    if (i % 4 == 0) all = agrees(world, twin_deviation(world, config), each, config, "the twin") && all;
  }
  MPI_REQUIRE(world, all);
}
