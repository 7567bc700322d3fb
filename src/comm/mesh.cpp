#include "comm/mesh.hpp"

#include "base/error.hpp"

namespace moescope {

Mesh::Mesh(Communicator world, Layout const& layout, std::vector<traffic::Collective> collectives, std::int64_t reduction_bytes)
    : layout_(layout), world_(std::move(world)), ledger_(std::move(collectives)), reduction_bytes_(reduction_bytes) {
  MOESCOPE_CHECK(world_.size() == layout_.ranks());
  MOESCOPE_CHECK(reduction_bytes_ > 0 && reduction_bytes_ % 8 == 0);
  for (auto const& row : axes()) {
    auto const color = int(layout_.first_member(row.axis, rank()));
    groups_.push_back(world_.split(color, int(layout_.coordinate(row.axis, rank())), row.name));
    MOESCOPE_CHECK(groups_.back().size() == layout_.size(row.axis));
  }
}

}  // namespace moescope
