#pragma once
#include <span>

#include "model/micro_batch.hpp"

namespace moescope {

/// One pass over a micro-batch: what is the same for every layer.
struct Pass {
  /// `recompute`: forward once more, for a backward that follows.
  enum class Kind { forward, backward, recompute };
  Kind kind = Kind::forward;
  bool training = true;      ///< gates draw noise and use their training rule
  bool accumulates = false;  ///< backward adds to the routed experts' gradients, as it does to all others; else it assigns them
  std::uint64_t seed = 0;
  std::int64_t step = 0;
  std::int64_t micro_batch = 0;  ///< number within the step
  MicroBatch const* batch = nullptr;
  std::span<InjectedNoise const> injected = {};  ///< of each layer, for this rank's owned tokens; empty = draw

  ForcedRouting const* forced = nullptr;  ///< chooses instead of the gates

  /// The backward pass that belongs to this forward one.
  Pass backward() const {
    auto pass = *this;
    pass.kind = Kind::backward;
    return pass;
  }
};

}  // namespace moescope
