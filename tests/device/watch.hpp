#pragma once
#include <cstdint>
#include <map>
#include <string>

namespace moescope::test {

/// How often each thing happened, by its label.
using Occurrences = std::map<std::string, std::int64_t>;

/// What Kokkos did on this rank while the watch lives, as Kokkos Tools report it. One at a time.
class Watch {
 public:
  Watch();
  ~Watch();
  Watch(Watch const&) = delete;
  Watch& operator=(Watch const&) = delete;

  Occurrences kernels;  ///< parallel_for, parallel_reduce, parallel_scan
  Occurrences allocations, deallocations;
  Occurrences copies;  ///< deep_copy from a View, by the label of its target
  Occurrences fences;

  std::int64_t freed(std::string const& label) const {
    auto const found = deallocations.find(label);
    return found == deallocations.end() ? 0 : found->second;
  }
};

}  // namespace moescope::test
