#include "step/memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "base/views.hpp"

namespace moescope {

std::int64_t process_memory_peak() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  }
  return -1;
}

namespace {

struct Allocations {
  bool watching = false;
  std::int64_t now = 0, peak = 0;
} allocated;

/// Staging buffers on the host of a device are not counted.
bool is_device_memory(Kokkos::Tools::SpaceHandle space) { return std::string_view(space.name) == MemSpace::name(); }

void on_allocate(Kokkos::Tools::SpaceHandle space, char const*, void const*, std::uint64_t size) {
  if (!is_device_memory(space)) return;
  allocated.now += std::int64_t(size);
  allocated.peak = std::max(allocated.peak, allocated.now);
}

void on_deallocate(Kokkos::Tools::SpaceHandle space, char const*, void const*, std::uint64_t size) {
  if (!is_device_memory(space)) return;
  allocated.now -= std::int64_t(size);
}

}  // namespace

AllocationWatch::AllocationWatch() {
  if (allocated.watching || std::getenv("KOKKOS_TOOLS_LIBS") || std::getenv("KOKKOS_PROFILE_LIBRARY")) return;
  allocated.watching = true;
  Kokkos::Tools::Experimental::set_allocate_data_callback(on_allocate);
  Kokkos::Tools::Experimental::set_deallocate_data_callback(on_deallocate);
}

void AllocationWatch::restart() const { allocated.peak = allocated.now; }

std::int64_t AllocationWatch::peak() const { return allocated.watching ? allocated.peak : -1; }

}  // namespace moescope
