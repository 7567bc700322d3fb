#pragma once
#include "comm/mesh.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// Brings every rank's own report to rank 0, sums the pairs of experts and joins the choices of tokens. Collective over the
/// world; no exchange of the step.
void gather_reports(Mesh const& mesh, StepReport& report);

}  // namespace moescope
