#pragma once
#include <cstdint>

#include "config/run_config.hpp"
#include "layout/layout.hpp"

namespace moescope::traffic {

/// Bytes that one rank holds at its peak, under even routing. An estimate: scratch, exchange buffers and the
/// libraries' own memory are not in it.
struct Memory {
  std::int64_t parameters = 0;
  std::int64_t gradients = 0;    ///< as many as parameters; 0 in forward mode
  std::int64_t optimizer = 0;    ///< two moments; 0 in forward mode
  std::int64_t activations = 0;  ///< of the largest micro-step, kept from forward to backward
  std::int64_t total() const { return parameters + gradients + optimizer + activations; }
};
Memory memory_estimate(RunConfig const& config, Layout const& layout, std::int64_t rank);

}  // namespace moescope::traffic
