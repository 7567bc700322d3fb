#pragma once
#include <cstdint>
#include <vector>

#include "base/views.hpp"

namespace moescope {

/// Which experts each owned token goes to: ragged, 0..E choices a token; the choices of token t are
/// [offsets[t], offsets[t+1]), in the order of the gate's own ranking, best first. Readers use the realised count, never top_k.
template <class T>
struct Routing {
  std::int64_t num_tokens = 0;
  std::int64_t num_choices = 0;
  std::int64_t num_experts = 0;
  Vector<int> offsets;           ///< [num_tokens + 1]
  Vector<int> expert;            ///< [num_choices], distinct within a token
  Vector<Accumulate<T>> weight;  ///< [num_choices], score as the gate gives it, before score_scale_factor
  Vector<int> kept;              ///< [num_choices] 1 = processed, 0 = dropped by capacity
  /// [E] of a gate that keeps means over pools (`GateKind::keeps_pool_means`): the sum over the pools that this rank shares /
  /// pools_in_step. Else empty.
  std::vector<double> pool_means{};
  /// [E] rows of zeros that this rank sends beside the kept choices, to fill the experts' capacity; empty where nothing is
  /// padded.
  std::vector<std::int64_t> pads{};
};

}  // namespace moescope
