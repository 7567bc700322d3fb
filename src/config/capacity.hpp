#pragma once
#include <cstdint>

#include "config/model_config.hpp"

namespace moescope {

/// Choices that an expert may take from one pool: factor * tokens_in_pool * choices_per_token / experts, rounded down
/// (LLaMA-MoE's `SwitchDropTokenCalculator`) or up (Megatron); no more than tokens_in_pool; may be 0.
std::int64_t expert_capacity(ModelConfig const& model, std::int64_t tokens_in_pool);

/// Whether experts compute all rows of their capacity, those that no choice takes being zeros (Megatron Core's
/// `moe_pad_expert_input_to_capacity`).
bool pads(ModelConfig const& model);

/// Rows that the tokens of a pool send to all experts where nothing is dropped: their choices, or every expert's capacity.
std::int64_t rows_of_pool(ModelConfig const& model, std::int64_t tokens_in_pool);

}  // namespace moescope
