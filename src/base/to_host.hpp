#pragma once
#include <vector>

#include "base/views.hpp"

namespace moescope {

/// The elements of a device View for the host to read: the View itself where the host reaches it, else a copy. The one way
/// back from the device, so that Kokkos Tools see each by the View's label (tests/device lists those of a step). Waits for
/// `exec`, which computed them.
template <class View>
auto to_host(ExecSpace const& exec, View const& view) {
  auto const label = "base::to_host " + view.label();
  if constexpr (Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename View::memory_space>::accessible) {
    exec.fence(label);
    return view;
  } else {
    auto const host = Kokkos::create_mirror(Kokkos::WithoutInitializing, Kokkos::HostSpace(), view);
    Kokkos::deep_copy(exec, host, view);
    exec.fence(label);
    return host;
  }
}

/// The same as a copy.
template <class View>
std::vector<typename View::non_const_value_type> to_host_copy(ExecSpace const& exec, View const& view) {
  auto const host = to_host(exec, view);
  return {host.data(), host.data() + host.size()};
}

}  // namespace moescope
