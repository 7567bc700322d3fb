#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "base/to_host.hpp"
#include "base/views.hpp"

namespace moescope::gates {

/// Copies host numbers, element by element, into a device array of the same number of elements, converting them.
template <class View, class Number>
void upload(ExecSpace const& exec, std::span<Number const> values, View const& view) {
  using T = typename View::non_const_value_type;
  MOESCOPE_CHECK(values.size() == view.size());
  auto const host = Kokkos::create_mirror_view(view);
  std::transform(values.begin(), values.end(), host.data(), [](Number value) { return T(value); });
  Kokkos::deep_copy(exec, view, host);
  exec.fence("gates::upload");  // the copy may still read `host`
}

template <class View>
std::vector<typename View::non_const_value_type> download(ExecSpace const& exec, View const& view) {
  auto const host = to_host(exec, view);
  return {host.data(), host.data() + host.size()};
}

}  // namespace moescope::gates
