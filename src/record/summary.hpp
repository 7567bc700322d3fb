#pragma once
#include "record/hdf5/file.hpp"
#include "record/rows.hpp"

namespace moescope::record {

/// /derived/summary from what the file holds: each headline number over the free window (steps that are done and not
/// flagged warm-up) as total over total, median of the steps, their 95 % interval, and number of steps. [5] each.
/// Times and energies are NaN where the run was oversubscribed or phased.
Rows summary_rows(hdf5::File const& file, RunFileSetup const& setup, std::int64_t steps_done);

}  // namespace moescope::record
