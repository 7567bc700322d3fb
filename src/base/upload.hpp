#pragma once
#include <algorithm>
#include <vector>

#include "base/error.hpp"
#include "base/views.hpp"

namespace moescope {

/// Host numbers, converted, into the elements of a View in their order. The one way to the device. Waits for the copy.
template <class View, class Number>
void upload(ExecSpace const& exec, std::vector<Number> const& values, View const& view) {
  using T = typename View::non_const_value_type;
  MOESCOPE_CHECK(values.size() == view.size());
  auto const host = Kokkos::create_mirror_view(Kokkos::WithoutInitializing, view);
  std::transform(values.begin(), values.end(), host.data(), [](Number value) { return T(value); });
  Kokkos::deep_copy(exec, view, host);
  exec.fence("base::upload");  // the copy may still read `host`
}

/// Into a View of their own.
template <class Number>
Vector<Number> upload(ExecSpace const& exec, char const* label, std::vector<Number> const& values) {
  auto const device = make_vector<Number>(label, std::int64_t(values.size()));
  upload(exec, values, device);
  return device;
}

}  // namespace moescope
