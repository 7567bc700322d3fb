#pragma once
#include <cstdint>
#include <vector>

namespace moescope::gates {

/// Places of each expert in a pool that is balanced: `choices` / E, the first `choices` mod E experts one more.
inline std::vector<std::int64_t> balanced_places(std::int64_t choices, std::int64_t num_experts) {
  std::vector<std::int64_t> places(num_experts, choices / num_experts);
  for (std::int64_t e = 0; e < choices % num_experts; ++e) ++places[e];
  return places;
}

}  // namespace moescope::gates
