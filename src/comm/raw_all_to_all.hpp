#pragma once
#include <cstdint>
#include <vector>

#include "comm/communicator.hpp"

namespace moescope {

/// One blocking MPI_Alltoallv of rows of `width` floats, grouped by destination and by source, the caller's own part
/// included; no ledger, no clock, host buffers. The yardstick of start_all_to_all in the benchmarks, and of no other use.
void raw_all_to_all(Communicator const& group, float const* send, std::vector<std::int64_t> const& send_rows, float* receive,
                    std::vector<std::int64_t> const& receive_rows, std::int64_t width);

}  // namespace moescope
