#pragma once
#include <map>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "step/micro_batches.hpp"

namespace moescope {

/// What two training steps computed, at logical shapes on rank 0; empty elsewhere.
struct Outcome {
  std::vector<double> decisions;  ///< per micro-step, layer and token in id order: expert ids and kept flags of step 0
  std::vector<double> losses;     ///< total and cross-entropy of both steps, gradient norms
  std::map<std::string, std::vector<double>> tensors;  ///< "<kind> <name>": gradients of each step, update, both moments
};

/// Two steps of `config` (in double, whatever train.dtype says) in its layout on all ranks of `world`. Collective.
Outcome run_two_steps(Communicator const& world, RunConfig const& config, BatchSource const& source);

/// How far an outcome is from its reference by the rule of docs/definitions.md ("Equal to one rank").
struct Deviation {
  /// Largest of |difference| / |reference| over losses and norms, and ||difference|| / max(||tensor||, 1e-4 ||all of its
  /// kind||) over tensors; infinite where a decision, a size or a NaN differs.
  double largest = 0;
  std::string where;  ///< what has it; empty where all is equal to the last bit
  static constexpr double limit = 1e-12;
  /// What is wrong; empty within the limit.
  std::string sentence() const;
};
Deviation deviation(Outcome const& outcome, Outcome const& reference);

}  // namespace moescope
