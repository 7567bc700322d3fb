#include "comm/mesh.hpp"

#include "base/error.hpp"

namespace moescope {

Mesh::Mesh(Communicator world, Layout const& layout, std::vector<traffic::Collective> collectives)
    : layout_(layout), world_(std::move(world)), ledger_(std::move(collectives)) {
  MOESCOPE_CHECK(world_.size() == layout_.ranks());
  for (int i = 0; i < num_axes; ++i) {
    auto const axis = Axis(i);
    // A group is known by its first member.
    auto const color = int(layout_.members(axis, rank()).front());
    groups_.push_back(world_.split(color, int(layout_.coordinate(axis, rank())), name(axis)));
    MOESCOPE_CHECK(groups_.back().size() == layout_.size(axis));
  }
}

}  // namespace moescope
