#pragma once
#include <vector>

#include "base/views.hpp"

namespace moescope {

/// A device copy of host integers.
template <class Integer>
Vector<Integer> upload(char const* label, std::vector<Integer> const& values) {
  auto const device = make_vector<Integer>(label, std::int64_t(values.size()));
  Kokkos::deep_copy(device,
                    Kokkos::View<Integer const*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged>(values.data(), values.size()));
  return device;
}

}  // namespace moescope
