#pragma once
#include "check/comparison.hpp"
#include "checkpoint/router_fixture.hpp"

namespace moescope {

/// Feeds each recorded router its recorded input and compares logits, chosen experts, weights, counts and kept choices, and from
/// the recorded gradient of the logits those of the router's tensors; where the fixture holds SwiGLU experts, the sum of their
/// outputs, their gradients and, from these, the router's through its gate. On this rank alone.
Comparison compare_routers(RouterFixture const& fixture);

/// Which of the model's routers, and what of the fixture, `compare_routers` looks at and what it leaves out.
std::string scope_of(RouterFixture const& fixture);

}  // namespace moescope
