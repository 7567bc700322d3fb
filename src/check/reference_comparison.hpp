#pragma once
#include "check/comparison.hpp"
#include "check/reference_pass.hpp"

namespace moescope {

/// Runs the fixture forward and, where it has gradients, backward, and compares on rank 0 what the reference recorded: of
/// each layer the block's input, output, routing, importance and load; logits, losses, every gradient. Collective.
Comparison compare_with_reference(ReferencePass& pass);

}  // namespace moescope
