#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace moescope::gates {

/// What each expert's scores are to be lowered by, [E], so that it is among the `top_k` of about tokens * top_k / E tokens of a
/// pool (quantile balancing: Su, kexue.fm/archives/11619; Megatron Core, `qb_dual_update`). With alpha_t the (top_k + 1)-th
/// largest of scores_t - offset, an expert's is the (trunc(tokens * top_k / E) + 1)-th largest over the tokens of score - alpha.
/// scores [tokens,E]; offset [E]: the one in force. The offset as it is where every token has all experts, or the pool no token.
std::vector<double> quantile_offset(std::span<double const> scores, std::span<double const> offset, std::int64_t top_k);

/// decay * offset + (1 - decay) * found, less the mean over the experts, which orders no two of them.
std::vector<double> next_offset(std::span<double const> offset, std::span<double const> found, double decay);

}  // namespace moescope::gates
