#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace moescope::gates {

struct BalancedScores {
  std::vector<double> scores;   ///< [tokens,E] of which a token's sum to about 1 / tokens, an expert's to 1 / E
  std::int64_t iterations = 0;  ///< that were made
};

/// d1 C d0 with C = exp(logits) of one pool [tokens,E] by ascending token: d0 = (1/tokens) / (C d1) and d1 = (1/E) / (C^T d0) in
/// turns from d1 = 1, until the mean change of d1 is below `tolerance` or after `most_iterations` of them (Sinkhorn & Knopp 1967;
/// Megatron Core, `moe_utils.sinkhorn`, whose 1e-8 in the denominators is left out). The last turn is d1's: an expert's sum is
/// exact. C is taken relative to each token's largest logit, which changes d0 alone. What is no number counts as minus infinity.
/// A token alone keeps its C: balanced, all its experts would be alike but for rounding.
BalancedScores sinkhorn(std::span<double const> logits, std::int64_t num_experts, double tolerance, std::int64_t most_iterations);

}  // namespace moescope::gates
