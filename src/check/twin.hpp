#pragma once
#include "check/outcome.hpp"

namespace moescope {

/// A small double-precision relative of a run: same layout, dispatcher, gate, numbers of heads, experts and choices, and the
/// same unevenness of expert widths; hidden size 64, two MoE blocks, 32 tokens a sequence, enough sequences for every dp rank,
/// and synthetic text. `config.layout` must hold this launch's derived sizes.
RunConfig twin_config(RunConfig const& config);

/// Two training steps of the twin in the run's layout against the same on one rank: whether this build, on these machines, in
/// this layout computes what one rank computes. Rank 0 runs the one-rank steps and knows the result; elsewhere it is 0.
/// Collective.
Deviation twin_deviation(Communicator const& world, RunConfig const& config);

}  // namespace moescope
