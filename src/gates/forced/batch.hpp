#pragma once
#include "base/error.hpp"
#include "base/random.hpp"
#include "config/gate_kinds.hpp"
#include "config/run_config.hpp"

namespace moescope::forced {

/// All that a workload knows of the run.
struct Batch {
  std::uint64_t seed = 0;
  std::int64_t num_experts = 0;
  std::int64_t choices = 0;  ///< of a token, where the workload does not say
  std::int64_t tokens = 0;   ///< of a step
  std::int64_t sequence_length = 0;

  explicit Batch(RunConfig const& config)
      : seed(config.train.seed),
        num_experts(config.model.num_experts),
        choices(choices_per_token(config.model)),
        tokens(config.batch.sequences * config.batch.sequence_length),
        sequence_length(config.batch.sequence_length) {}

  std::int64_t position(std::int64_t step, std::int64_t token) const {
    auto const position = token - step * tokens;
    MOESCOPE_CHECK(0 <= position && position < tokens);
    return position;
  }
};

}  // namespace moescope::forced
