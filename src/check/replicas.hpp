#pragma once
#include <span>
#include <string>
#include <vector>

#include "step/trainer.hpp"

namespace moescope {

/// Two ranks that must hold the same bits of a group's tensors and do not.
struct ReplicaDifference {
  std::size_t group = 0;
  std::int64_t rank = -1, other = -1;
  bool found() const { return rank >= 0; }
};

/// The first difference in a table of checksums, [ranks, groups]: each rank's against the first one on the group's axis.
/// O(ranks).
ReplicaDifference find_replica_difference(Layout const& layout, std::span<TensorGroup const> groups,
                                          std::vector<std::int64_t> const& checksums);

/// Compares checksums (of the bits, 64 bits each) of share `part` of `parts` of every buffer of values between the ranks that
/// hold copies; rank 0 gathers them. On rank 0 a sentence that names ranks and tensor where copies differ (another sentence
/// elsewhere); empty on every rank where they agree, and where nothing is trained. Collective.
template <class T>
std::string replica_failure(Trainer<T>& trainer, std::int64_t part, std::int64_t parts);

}  // namespace moescope
