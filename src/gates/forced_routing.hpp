#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace moescope {

/// Choices that replace those of any gate: a pure function of step, layer and global token id.
class ForcedRouting {
 public:
  virtual ~ForcedRouting() = default;
  /// Appends to `expert` the distinct experts of each token of `ids`, best first, and to `offsets`, which holds 0, where they
  /// end.
  virtual void choose(std::int64_t step, std::int64_t layer, std::span<std::int64_t const> ids, std::vector<int>& offsets,
                      std::vector<int>& expert) const = 0;
};

}  // namespace moescope
