#include "comm/mesh.hpp"

#include "config/choices.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"
#include "unit/comm/meshes.hpp"

using namespace moescope;
using namespace moescope::test;

TEST_CASE("groups of a mesh hold the layout's members in the order of their coordinates") {
  auto const world = Communicator::world();
  for (auto const order : choices::layout_order) {
    for (auto const& layout : every_layout(world.size(), order)) {
      Mesh const mesh(world, layout, {});
      for (auto const axis : all_axes()) {
        auto const& group = mesh.group(axis);
        std::vector<std::int64_t> const own{mesh.rank()};
        auto const ranks = group.gather(std::span(own), 0);
        MPI_REQUIRE(world, group.rank() == layout.coordinate(axis, mesh.rank()));
        MPI_REQUIRE(world, group.rank() != 0 || ranks == layout.members(axis, mesh.rank()));
      }
    }
  }
}

TEST_CASE("a mesh of another size than the world is a programmer's error") {
  auto const world = Communicator::world();
  Layout const layout(LayoutConfig(), world.size() + 1);
  CHECK_THROWS_AS(Mesh(world, layout, {}), std::logic_error);
}
