#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "gates/pooled/choices.hpp"

namespace moescope::gates {

/// Which tokens of a pool the experts take.
struct ExpertChoices {
  Choices choices;             ///< best first
  std::vector<double> lowest;  ///< [E] affinity of the last token that an expert took
};

/// Every expert takes the tokens with the largest affinities, ties to the lower token, as many as `balanced_places(tokens *
/// per_token)` says (expert choice, Zhou et al. 2022, whose capacity tokens * c / E has c = `per_token`). affinity [tokens,E] of
/// one pool by ascending token. Affinities are compared as multiples of 2^-40; what is no number comes last. Without a token
/// `lowest` is 0.
ExpertChoices choose_tokens(std::span<double const> affinity, std::int64_t num_experts, std::int64_t per_token);

}  // namespace moescope::gates
