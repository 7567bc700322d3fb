#pragma once
#include "comm/mesh.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// processed [M,L,E]: kept choices of this rank's owned tokens. Collective over the expert block, whose members tell each other
/// theirs; that is no exchange of the step.
ComputedStep compute_step(RunConfig const& config, Mesh const& mesh, std::vector<std::int64_t> const& sent);

}  // namespace moescope
