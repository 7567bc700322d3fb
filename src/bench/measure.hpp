#pragma once
#include "bench/plan.hpp"
#include "bench/result.hpp"
#include "comm/mesh.hpp"

namespace moescope::bench {

/// One row: the exchange over all groups of the axis at once, `plan.warm_up` times and then `plan.iterations` times by the clock.
/// Before each a barrier of all ranks, and all buffers are filled anew outside the clock. Every element that arrives in an
/// exchange before them all and in the last one is checked; the ledger must have counted the message's payload. Collective over
/// the mesh, which lists collectives(plan).
Result measure(Mesh& mesh, Plan const& plan, SameAxes const& axes, Benchmark const& benchmark, DType type, std::int64_t bytes);

}  // namespace moescope::bench
