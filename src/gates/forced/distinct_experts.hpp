#pragma once
#include <cstdint>
#include <vector>

#include "base/random.hpp"

namespace moescope::forced {

/// Draws experts without replacement, uniformly and in random order: the first steps of a shuffle (Knuth, The Art of Computer
/// Programming 2, section 3.4.2, algorithm P).
class DistinctExperts {
 public:
  explicit DistinctExperts(std::int64_t num_experts);
  /// Appends `count` experts, a function of the stream and `id`.
  void draw(RandomStream const& stream, std::int64_t id, std::int64_t count, std::vector<int>& expert);

 private:
  std::vector<int> order_;             ///< 0, 1, 2, ... between draws
  std::vector<std::int64_t> swapped_;  ///< with which place each was swapped
};

/// Every expert once, in an order that is the layer's in all steps.
std::vector<int> shuffled_experts(std::uint64_t seed, std::int64_t layer, std::int64_t num_experts);

}  // namespace moescope::forced
