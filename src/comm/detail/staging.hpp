#pragma once
#include "base/views.hpp"

/// Private to `comm`: MPI reads and writes host memory, pinned where a device copies to and from it. Where Views live in host
/// memory, these are the Views themselves.
namespace moescope {

using StagingSpace = Kokkos::SharedHostPinnedSpace;

/// What MPI sends, once `exec` has written it.
template <class V>
auto host_copy(ExecSpace const& exec, V const& view) {
  if constexpr (Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename V::memory_space>::accessible) {
    exec.fence("comm::staging begins");
    return view;
  } else {
    auto const host = Kokkos::create_mirror(Kokkos::WithoutInitializing, StagingSpace(), view);
    Kokkos::deep_copy(exec, host, view);
    exec.fence("comm::staging begins");
    return host;
  }
}

template <class V>
auto host_target(V const& view) {
  return Kokkos::create_mirror_view(Kokkos::WithoutInitializing, StagingSpace(), view);
}

template <class Device, class Host>
void bring_back(ExecSpace const& exec, Device const& device, Host const& host) {
  if (device.data() == host.data()) return;
  Kokkos::deep_copy(exec, device, host);
  exec.fence("comm::staging ends");
}

/// Rows as they are; extents of empty matrices need not agree.
template <class T>
void copy_rows(ExecSpace const& exec, Matrix<T> const& to, ConstMatrix<T> const& from) {
  if (from.extent(0) > 0) Kokkos::deep_copy(exec, to, from);
}

}  // namespace moescope
