#include "step/optimizer.hpp"
#include "support/catch.hpp"
#include "unit/model/models.hpp"
#include "unit/model/untrained.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

template <class View>
std::vector<double> host(View const& view) {
  auto const mirror = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, view);
  return {mirror.data(), mirror.data() + mirror.size()};
}

}  // namespace

TEST_CASE("state that is not trained has values, and neither gradient nor moments nor update") {
  auto const model = awkward_models().front().model;
  TrainingState<double> state(table_with_state(model, Layout({}, 1), 0), true);
  auto const& spec = state.table.find(state_name);
  for (auto const* buffers : {&state.gradients, &state.first_moment, &state.second_moment}) {
    CHECK(buffers->flat(spec).size() == 0);
    CHECK(buffers->matrix(spec).size() == 0);
    CHECK(buffers->hold(state.table.find("lm_head.weight")));
  }
  initialize<double>(state.table, 3, state.values);
  for (auto const& gradients : state.gradients.group) Kokkos::deep_copy(gradients, 1.0);
  auto const& head = state.table.find("lm_head.weight");
  auto const before = host(state.values.flat(head));
  OptimizerConfig config;
  config.weight_decay = 0.5;
  update_parameters<double>(ExecSpace(), config, 0.1, 1, state);
  CHECK(host(state.values.flat(spec)) == std::vector<double>(5, 0.5));
  CHECK(host(state.values.flat(head)) != before);
}
