#include "device/watch.hpp"

#include <Kokkos_Core.hpp>
#include <string_view>

#include "base/error.hpp"

namespace moescope::test {

namespace {

namespace tools = Kokkos::Tools::Experimental;

Watch* current = nullptr;
tools::EventSet before;

template <Occurrences Watch::*seen>
void count(char const* label, std::uint32_t, std::uint64_t* id) {
  *id = 0;
  ++(current->*seen)[label];
}

template <Occurrences Watch::*seen>
void count_memory(Kokkos::Tools::SpaceHandle, char const* label, void const*, std::uint64_t) {
  ++(current->*seen)[label];
}

/// Of a fill Kokkos calls the source "(none)".
void count_copy(Kokkos::Tools::SpaceHandle, char const* to, void const*, Kokkos::Tools::SpaceHandle, char const* from,
                void const*, std::uint64_t) {
  if (std::string_view(from) != "(none)") ++current->copies[to];
}

}  // namespace

Watch::Watch() {
  MOESCOPE_CHECK(current == nullptr);
  current = this;
  before = tools::get_callbacks();
  tools::set_begin_parallel_for_callback(count<&Watch::kernels>);
  tools::set_begin_parallel_reduce_callback(count<&Watch::kernels>);
  tools::set_begin_parallel_scan_callback(count<&Watch::kernels>);
  tools::set_begin_fence_callback(count<&Watch::fences>);
  tools::set_allocate_data_callback(count_memory<&Watch::allocations>);
  tools::set_deallocate_data_callback(count_memory<&Watch::deallocations>);
  tools::set_begin_deep_copy_callback(count_copy);
}

Watch::~Watch() {
  tools::set_callbacks(before);
  current = nullptr;
}

}  // namespace moescope::test
