#pragma once
#include <string>
#include <vector>

#include "config/run_config.hpp"

namespace moescope::test {

/// What central differences of a whole model must stay below, relative to the norm of a tensor's gradient or to a typical
/// element of it. Measured: up to 3e-7, about as much from the step as from the rounding of the loss.
inline constexpr double tolerance = 1e-6;

/// A model small enough to differentiate numerically, at a seed where no decision lies near its edge.
struct GradientCase {
  std::string name;
  RunConfig config;
};
std::vector<GradientCase> gradient_cases();

/// Two layers with two heads on one KV head and four unequal experts; noisy top-2 of an mlp gate; four sequences of five
/// tokens, of which some have no label.
RunConfig small_model();
RunConfig small_switch_model(std::string const& dropped_padding);
/// One of its tokens is pad_token_id.
RunConfig small_padded_model();

}  // namespace moescope::test
