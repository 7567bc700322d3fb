#pragma once
#include "base/views.hpp"
#include "gates/gate.hpp"
#include "layout/layout.hpp"

namespace moescope {

/// The pools of one name in a micro-batch, and who shares them.
struct SharedPool {
  std::string name;
  PoolShape shape;
  Axis axis = Axis::tp;                          ///< of the ranks that share them (layout/shared_pools.hpp)
  std::vector<std::vector<Range>> owned_tokens;  ///< [size(axis)] runs of tokens that each of them owns in the MoE blocks
};

/// One rank's part of a micro-batch: the sequences of its dp coordinate, the same on every tp rank.
struct MicroBatch {
  Vector<int> tokens, targets;  ///< [T], T = sequences * sequence_length; target -100 = not counted
  std::int64_t sequences = 0;   ///< local
  std::int64_t sequence_length = 0;
  TokenIds ids;                   ///< [T]
  std::vector<SharedPool> pools;  ///< `pool_names`
  std::int64_t num_tokens() const { return sequences * sequence_length; }
};

}  // namespace moescope
