#pragma once
#include <cstdint>

namespace moescope {

/// High-water mark of this process's resident memory in bytes (VmHWM), or -1 where the system does not tell.
std::int64_t process_memory_peak();

/// Follows the bytes held in Views through Kokkos' allocation callbacks, which the first watch of the process installs: whatever
/// is to be seen must be made after it. Not where a Kokkos tool is loaded, whose callbacks they would replace.
class AllocationWatch {
 public:
  AllocationWatch();
  /// From now on the peak is that of what follows.
  void restart() const;
  /// Most bytes held at once since the restart; -1 where nothing is watched.
  std::int64_t peak() const;
};

}  // namespace moescope
