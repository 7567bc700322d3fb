#pragma once
#include <cstdint>

namespace moescope::traffic {

/// Rows and weights that D moves from a rank to one peer in a layer, and that D^T moves from it; the own rank's stay at home.
struct PeerRows {
  std::int64_t peer, out, back, weights_out, weights_back;
};

}  // namespace moescope::traffic
