#pragma once
#include <cstdint>
#include <string>

#include "record/create.hpp"
#include "record/run_file.hpp"
#include "record/stored_run.hpp"

namespace moescope::record {

/// The run file of the launch that a resumed one goes on from: the file named in `continuation`, or its partial file, or one
/// of those kept beside it, whichever that launch wrote or, where there is none, one that goes on from it. Throws UserError
/// where there is none, or it holds fewer steps.
StoredRun open_earlier(Continuation const& continuation);

/// Place of a launch among those of its run. `parent` is empty for the first.
struct Lineage {
  std::int64_t attempt = 0;
  std::string parent;       ///< run file of the launch before, relative to the folder of this one
  std::string ancestors{};  ///< ids of the launches before, the last one first, by spaces
};
Lineage lineage_after(StoredRun const& earlier, std::string const& path);

/// Fills the steps and evaluations before setup.first_step() from the earlier file, so that the new one holds the run from its
/// beginning. Datasets over ranks or exchanges are copied where the layout is the same and stay unwritten where it is not.
/// Steps of another cell (layout, threads, build, ...) get the value 2 in /raw/warm_up: their times are no times of this cell.
void copy_earlier_rows(StoredRun const& earlier, Datasets& datasets, RunFileSetup const& setup);

/// Once a new file holds all that the earlier one does: removes the kept files of the same run but for the earlier one and the
/// newest, so that resumed launches keep two of them however many there are.
void remove_superseded(StoredRun const& earlier, std::string const& path);

}  // namespace moescope::record
