#pragma once
#include <cstdint>

namespace moescope {

/// High-water mark of this process's resident memory in bytes (VmHWM), or -1 where the system does not tell.
std::int64_t process_memory_peak();

/// Follows the bytes held in Views through Kokkos' allocation callbacks. `watch_allocations` installs them unless a Kokkos
/// tool is loaded, whose callbacks they would replace; then, and before it is called, the peak is -1.
void watch_allocations();
std::int64_t allocated_bytes_peak();

}  // namespace moescope
