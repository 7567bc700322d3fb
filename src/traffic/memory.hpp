#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "config/run_config.hpp"
#include "layout/layout.hpp"
#include "tensors/group_sizes.hpp"
#include "traffic/even_routing.hpp"

namespace moescope::traffic {

/// Bytes that one rank holds in tensors at the peak of a step, under even routing. Real numbers, since models that validation
/// lets pass exceed 63 bits. Not in it: what MPI, the program, data and files need, and buffers inside of kernels.
/// definitions.md states its error.
struct Memory {
  double parameters = 0;
  double gradients = 0;    ///< of trained parameters; 0 in forward mode
  double optimizer = 0;    ///< two moments; 0 in forward mode
  double activations = 0;  ///< at the peak of a micro-step: what backward needs, and rows and gradients on their way
  double total() const { return parameters + gradients + optimizer + activations; }
};

/// Of any rank of one configuration; what ranks share is counted once.
class MemoryEstimate {
 public:
  MemoryEstimate(RunConfig const& config, Layout const& layout)
      : config_(config), layout_(layout), group_sizes_(config.model, layout), routing_(config, layout) {}
  Memory of(std::int64_t rank);

 private:
  /// [routers] mean width of the rank's experts
  std::vector<double> const& expert_columns(std::int64_t rank);

  RunConfig const& config_;
  Layout const& layout_;
  GroupSizes group_sizes_;
  EvenRouting routing_;
  std::map<std::int64_t, std::vector<double>> columns_;  ///< by the first rank with the same experts
};

inline Memory memory_estimate(RunConfig const& config, Layout const& layout, std::int64_t rank) {
  return MemoryEstimate(config, layout).of(rank);
}

}  // namespace moescope::traffic
