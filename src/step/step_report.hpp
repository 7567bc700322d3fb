#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "metrics/confidence.hpp"
#include "traffic/traffic.hpp"

namespace moescope {

/// What configuration, layout and the kept choices and pads of its expert block say of one rank's step: all that traffic
/// computes. It must be what the rank saw.
struct ComputedStep {
  std::vector<traffic::Volume> volumes;        ///< [C]
  std::vector<std::int64_t> rows, rows_worst;  ///< [L]
  std::vector<std::int64_t> peer_bytes;        ///< [R]
};

/// What one rank saw in one step. M micro-steps, L layers, E experts, C collectives, R ranks.
struct RankReport {
  double step_seconds = 0, checks_seconds = 0;
  std::vector<double> phase_seconds;                   ///< [phases], zeros in free mode
  std::vector<traffic::Volume> volumes;                ///< [C]
  std::vector<double> wait_seconds, transfer_seconds;  ///< [C]
  std::vector<std::int64_t> routed;                    ///< [L,E] choices of owned tokens before dropping, all micro-steps
  std::vector<std::int64_t> processed;                 ///< [M,L,E] kept choices of owned tokens
  std::vector<std::int64_t> pads;                      ///< [M,L,E] rows of zeros that owned tokens send beside them; empty: none
  std::vector<std::int64_t> rows, rows_worst;          ///< [L] rows computed; of the largest micro-step
  std::vector<std::int64_t> expert_rows;               ///< [L,E] rows computed of each expert, all micro-steps
  std::vector<std::int64_t> rows_sent, rows_received;  ///< [L] to and from other ranks before the experts
  std::vector<std::int64_t> peer_bytes;                ///< [R]
  std::vector<double> loss_realised;                   ///< [L,A] what the kept choices of owned tokens add to loss_terms; or NaN
  std::vector<metrics::ConfidenceSums> confidence;     ///< [L] of the owned tokens of the last micro-step
  std::int64_t memory_bytes = 0;                       ///< high-water mark of the process
  std::vector<std::int64_t> memory_by_purpose;         ///< [memory_purposes]
  double executed_flops = 0;
  std::vector<double> energy_joules;  ///< of the counters that the rank reads; NaN up to the number that any rank reads
  ComputedStep computed;

  /// [M,L,E] kept choices and pads of owned tokens.
  std::vector<std::int64_t> sent() const;
  /// Every number in a fixed order (integers are below 2^53, so doubles hold them exactly).
  std::vector<double> pack() const;
  /// A report of the same shape as this one with the numbers that another rank packed.
  RankReport unpacked(std::span<double const> packed) const;
};
inline constexpr const char* memory_purposes[] = {"parameters", "gradients", "optimizer", "activations"};

/// One step as rank 0 knows it. Numbers are of the whole job.
struct StepReport {
  std::int64_t step = 0;
  std::int64_t tokens = 0;                                   ///< trained on
  std::vector<std::int64_t> domain_tokens;                   ///< [D]
  double loss_total = 0, loss_cross_entropy = 0;             ///< nat per labelled token
  std::vector<double> loss_terms;                            ///< [L,A] each of `losses(model)`, weighted, as added
  std::vector<double> loss_balance;                          ///< [L] their sums
  std::vector<double> gate_importance, gate_load, gate_cv2;  ///< [L,E], [L,E], [L]
  double gradient_norm = 0;                                  ///< before clipping
  double learning_rate = 0;
  std::vector<std::int64_t>
      expert_pairs;                   ///< [L,E,E] of this rank's tokens, once gathered on rank 0 of all; empty but for details
  std::vector<std::int64_t> choices;  ///< [L,T,K] expert, in the order of a token's choices; -1: none, or of another rank's token
                                      ///< until gathered; empty but for details, and without `record.choices`
  RankReport own;                     ///< of this rank
  std::vector<RankReport> ranks;      ///< [R] on rank 0, once they are gathered
  std::string failure;                ///< on rank 0, what a check of this step found wrong; empty where all held
};

/// Held-out evaluation after `at_step` steps.
struct EvaluationReport {
  std::int64_t at_step = 0;
  std::vector<double> loss;                  ///< [D] nat per labelled token
  std::vector<std::int64_t> payload_bytes;   ///< [R,C] of the evaluation's exchanges; on rank 0, empty elsewhere
  std::vector<std::int64_t> expert_tokens;   ///< [D,L,E]
  std::vector<std::int64_t> changed_tokens;  ///< [D,L] whose choices are others than in the evaluation before; -1: there was none
};

}  // namespace moescope
