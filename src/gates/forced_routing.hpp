#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "config/run_config.hpp"

namespace moescope {

/// Which experts each token goes to in training, whatever its gate thinks: a pure function of step, layer and global token id, so
/// the same under every layout and split into micro-batches.
class ForcedRouting {
 public:
  virtual ~ForcedRouting() = default;
  /// Replaces both lists: the choices of tokens[i], 0..E distinct experts, are expert[offsets[i], offsets[i + 1]).
  /// The tokens are of step `step`: a step holds the ids [step, step + 1) * batch.sequences * batch.sequence_length.
  virtual void choose(std::int64_t step, std::int64_t layer, std::span<std::int64_t const> tokens, std::vector<int>& offsets,
                      std::vector<int>& expert) const = 0;
};

/// Choices of whole steps by layer and expert, as a run file has them.
struct RecordedCounts {
  std::int64_t steps = 0, layers = 0, experts = 0;
  std::vector<std::int64_t> count;  ///< [steps, layers, experts]; none above the tokens of a step
};

/// Which experts each token of whole steps chose, as a run file has them.
struct RecordedChoices {
  std::int64_t steps = 0, layers = 0, tokens = 0;
  std::vector<std::int64_t> offsets;  ///< [steps * layers * tokens + 1] where each token's choices begin
  std::vector<int> expert;            ///< [offsets.back()]
};

/// That of `routing.forced`; null where it is none, or one that replays a file.
std::unique_ptr<ForcedRouting const> make_forced_routing(RunConfig const& config);

/// Step s has exactly the counts of recorded step s, or, of a single recorded step, that one's.
std::unique_ptr<ForcedRouting const> make_replayed_routing(RunConfig const& config, RecordedCounts recorded);
/// Each token of step s chooses what the one in its position did in recorded step s, or in the single recorded step.
std::unique_ptr<ForcedRouting const> make_replayed_routing(RunConfig const& config, RecordedChoices recorded);

}  // namespace moescope
