#pragma once
#include <cstdint>

#include "config/model_config.hpp"

namespace moescope::metrics {

/// Floating-point operations of one training step (forward and backward, a multiply-add = 2) on T tokens in sequences of
/// length S, under the definitions that people quote. Nominal: every token counts its k experts even when choices drop;
/// recomputation and padding are not counted. Unequal expert widths enter as the mean over experts, times k.
/// H hidden, L layers, V vocabulary, q = heads * head_dim, kv = kv_heads * head_dim, m expert width, r width of all residual
/// experts together.
struct StepFlops {
  /// 3 { L [2 T H (q + 2 kv) + 2 T q H + 2 q T S + 6 T H (m k + r)] + 2 T H V }: Megatron-LM's num_floating_point_operations
  /// (megatron/training/training.py), which counts the lower half of the attention matrix and no router; it knows no residual
  /// experts, which are wide MLPs here.
  double megatron_causal = 0;
  /// 6 T (N_active - embedding table) + 12 L q T S: torchtitan's get_moe_model_nparams_and_flops
  /// (torchtitan/models/utils.py), the whole attention matrix.
  double non_causal = 0;
  /// 6 T N_active, see ParameterCounts.
  double six_n_active = 0;
  /// 6 T N_total with every trainable parameter, idle experts and noise matrices included: LLaMA-MoE's own MFU.
  double six_n_total = 0;
};
StepFlops step_flops(ModelConfig const& model, std::int64_t tokens, std::int64_t sequence_length);

/// Share of a peak rate (FLOP/s of all ranks) that `flops` in `seconds` reach; NaN where the peak is not known (0).
double flops_utilization(double flops, double seconds, double peak);

}  // namespace moescope::metrics
