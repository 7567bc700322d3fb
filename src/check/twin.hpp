#pragma once
#include "check/outcome.hpp"

namespace moescope {

/// The ranks with which `rank` runs its twin: consecutive ones, a multiple of tp and of ep x etp, with dp = 16 (or as an expert
/// block needs) and in the last group less than twice as many, since one rank computes the whole twin as well. `layout` must hold
/// this launch's derived sizes.
Range twin_ranks(LayoutConfig const& layout, std::int64_t rank);

/// A small double-precision relative of a run on so many ranks: same layout but for dp and edp, same dispatcher, gate, numbers of
/// heads, experts and choices, and the same unevenness of expert widths; hidden size 64, two MoE blocks, 32 tokens a sequence,
/// enough sequences for every dp rank, and synthetic text.
RunConfig twin_config(RunConfig const& config, std::int64_t ranks);

/// Two training steps of the twin in the run's layout against the same on one rank, in each group of twin_ranks: whether this
/// build, on these machines, in this layout computes what one rank computes. The first rank of a group runs the one-rank steps.
/// Rank 0 knows the largest deviation; elsewhere it is 0. Collective.
Deviation twin_deviation(Communicator const& world, RunConfig const& config);

}  // namespace moescope
