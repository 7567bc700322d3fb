#pragma once
#include <vector>

#include "base/views.hpp"

namespace moescope {

/// A device copy of host integers.
inline Vector<int> upload(char const* label, std::vector<int> const& values) {
  auto const device = make_vector<int>(label, std::int64_t(values.size()));
  Kokkos::deep_copy(device, Kokkos::View<int const*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>(values.data(), values.size()));
  return device;
}

}  // namespace moescope
