#pragma once
#include <map>
#include <string>
#include <vector>

#include "comm/mesh.hpp"
#include "equivalence/cases.hpp"

namespace moescope::equivalence {

/// What two training steps computed, at logical shapes on rank 0 of the mesh; empty elsewhere.
struct Outcome {
  std::vector<double> decisions;  ///< per micro-step, layer and token in id order: expert ids and kept flags of step 0
  std::vector<double> losses;     ///< total and cross-entropy of both steps, gradient norms
  std::map<std::string, std::vector<double>> tensors;  ///< "<kind> <name>": gradients of each step, update, both moments
};

/// Collective over `world`. Runs `config` with `layout` and `dispatcher`.
Outcome run_two_steps(Communicator const& world, RunConfig config, LayoutConfig const& layout, std::string const& dispatcher);

/// The first difference beyond the rule of docs/definitions.md ("Equal to one rank"), or empty.
std::string first_difference(Outcome const& outcome, Outcome const& reference);

}  // namespace moescope::equivalence
