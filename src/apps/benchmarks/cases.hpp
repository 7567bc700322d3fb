#pragma once
#include <vector>

#include "config/run_config.hpp"
#include "step/micro_batches.hpp"

namespace moescope::benchmarks {

/// The four training steps that are compared with other programs: float32, AdamW, a linear gate without noise whose
/// weights are a softmax over the chosen, random tokens.
/// small: 4 layers of 8 wide experts; wide: one layer of LLaMA-MoE-3.5B (4/16); fine: 64 narrow experts, 8 a token; mixtral:
/// 8 wide ones, 2 a token.
struct Case {
  std::string name;
  RunConfig config;
};
std::vector<Case> const& cases();

/// Uniformly random tokens of the case's vocabulary; every label counts.
BatchSource random_tokens(RunConfig const& config);

}  // namespace moescope::benchmarks
