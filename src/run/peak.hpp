#pragma once
#include <cstdint>

#include "comm/communicator.hpp"

namespace moescope {

/// FLOP/s of all ranks together in square products of size `size` of random numbers: the best of `windows` windows that begin and
/// end on all ranks at once, so that no rank's best moment is another's wait. Not counted as executed. Collective.
template <class T>
double measure_peak(Communicator const& world, std::int64_t size, int windows);

}  // namespace moescope
