#pragma once
#include <string>
#include <vector>

#include "comm/mesh.hpp"
#include "step/optimizer.hpp"

namespace moescope {

/// Two ranks that must hold the same bits of a group's parameters and do not.
struct ReplicaDifference {
  ReductionGroup group = ReductionGroup::dense;
  std::int64_t rank = -1, other = -1;
  bool found() const { return rank >= 0; }
};

/// The first difference in a table of checksums, [ranks, num_reduction_groups]: each rank's against the first member of its
/// group over axis_of(group).
ReplicaDifference find_replica_difference(Layout const& layout, std::vector<std::int64_t> const& checksums);

/// Compares checksums (of the bits, 64 bits each) of share `part` of `parts` of every parameter buffer between the ranks that
/// hold copies: dense over dp, router over all ranks, expert over edp. One exchange, control.checksums. On rank 0 a sentence
/// that names ranks and tensor where copies differ (another sentence elsewhere); empty on every rank where they agree.
/// Collective.
template <class T>
std::string replica_failure(ExecSpace const& exec, Mesh& mesh, ModelConfig const& model, TrainingState<T> const& state,
                            std::int64_t part, std::int64_t parts);

}  // namespace moescope
