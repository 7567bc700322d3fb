#pragma once
#include "base/views.hpp"
#include "gates/gate.hpp"

namespace moescope {

/// One rank's part of a micro-batch: the sequences of its dp coordinate, the same on every tp rank.
struct MicroBatch {
  Vector<int> tokens, targets;  ///< [T], T = sequences * sequence_length; target -100 = not counted
  std::int64_t sequences = 0;   ///< local
  std::int64_t sequence_length = 0;
  std::int64_t first_token_id = 0;       ///< global token id of row 0
  std::int64_t first_token_in_pool = 0;  ///< number of row 0 within the global micro-batch
  PoolShape pool_shape;
  std::vector<std::int64_t> owned_tokens;  ///< Layout::owned_token_counts()
  std::int64_t num_tokens() const { return sequences * sequence_length; }
};

}  // namespace moescope
