#pragma once
#include <map>
#include <string>

#include "record/hdf5/file.hpp"
#include "record/run_file.hpp"

namespace moescope::record {

using Datasets = std::map<std::string, hdf5::Dataset>;

/// Makes every dataset of the schema at this run's extents, with room for so many steps and more to come where those are not all,
/// with units, long name and dimension scales attached, and writes what is known before step 0: the scales, the placement, which
/// rank is on which node, and the exchanges.
Datasets create_datasets(hdf5::File& file, RunFileSetup const& setup, std::int64_t steps);

/// Makes room for `steps` steps in all.
void make_room(Datasets& datasets, RunFileSetup const& setup, std::int64_t steps);

/// Writes the attributes of /, /config, /provenance and of the groups whose numbers need a word of explanation.
struct Lineage;
void describe_run(hdf5::File& file, RunFileSetup const& setup, Lineage const& lineage);

/// Replaces the status in place (status at most 16 bytes, reason cut at 1 KiB).
void write_status(hdf5::File& file, std::string const& status, std::string const& reason);

}  // namespace moescope::record
