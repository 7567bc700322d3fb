#include "record/continuation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <sstream>

#include "base/error.hpp"
#include "record/output_path.hpp"
#include "record/scales.hpp"
#include "record/schema.hpp"

namespace moescope::record {
namespace {

namespace fs = std::filesystem;

/// Names that the file of a launch may have by now.
std::vector<std::string> candidates(std::string const& run_file) {
  std::vector<std::string> names{run_file, partial_path(run_file)};
  auto const kept = kept_paths(run_file);
  names.insert(names.end(), kept.begin(), kept.end());
  return names;
}

using Launches = std::vector<std::string>;

/// Ids of the launch that wrote a file and of those before it; none where it is no run file.
Launches launches_of(hdf5::File const& file) {
  Launches launches;
  for (auto const* attribute : {"launch", "ancestors"}) {
    if (!file.has_attribute("/", attribute)) continue;
    std::istringstream ids(file.read_attribute("/", attribute));
    launches.insert(launches.end(), std::istream_iterator<std::string>(ids), {});
  }
  return launches;
}

Launches launches_in(std::string const& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return {};
  try {
    return launches_of(hdf5::File::open(path));
  } catch (UserError const&) {  // not one of this run, whatever it is
    return {};
  }
}

/// The file that a launch wrote, else one that goes on from it; empty where there is neither.
std::string file_with(std::string const& launch, std::string const& run_file) {
  std::string descendant;
  for (auto const& path : candidates(run_file)) {
    auto const launches = launches_in(path);
    auto const found = std::find(launches.begin(), launches.end(), launch);
    if (found != launches.end() && found == launches.begin()) return path;
    if (found != launches.end()) descendant = path;
  }
  return descendant;
}

bool same_layout(StoredRun const& earlier, RunFileSetup const& setup) {
  return earlier.file.read_attribute("/provenance", "layout") == setup.layout.describe() &&
         earlier.file.read_text("/collective") == scales(setup, 1).at("collective").names;
}

/// Rows of sensors are taken over where the same are read.
bool same_sensors(StoredRun const& earlier, RunFileSetup const& setup) {
  return earlier.file.has("/energy_sensor") &&
         earlier.file.read_text("/energy_sensor") == scales(setup, 1).at("energy_sensor").names;
}

bool has_dim(schema::DatasetSpec const& spec, char const* dim) {
  return std::find(spec.dims.begin(), spec.dims.end(), dim) != spec.dims.end();
}

std::int64_t stored_detail_every(nlohmann::json const& configuration) {
  return configuration.value("/record/detail_every"_json_pointer, std::int64_t(0));
}

bool belongs_to_layout(schema::DatasetSpec const& spec) {
  return std::any_of(spec.dims.begin(), spec.dims.end(), [](std::string const& dim) {
    return dim == "rank" || dim == "peer" || dim == "collective" || dim == "phase";
  });
}

/// Rows of a dataset that lie before the first step of this launch; 0 for those without such rows.
std::int64_t earlier_rows(schema::DatasetSpec const& spec, RunFileSetup const& setup) {
  auto const first = setup.first_step();
  if (spec.is_scale() || spec.dims.empty()) return 0;
  if (spec.dims[0] == "step") return first;
  auto const every = setup.config.record.detail_every;
  if (spec.dims[0] == "detail_step") return (first + every - 1) / every;
  auto const is_earlier = [first](std::int64_t at_step) { return at_step < first; };
  return spec.dims[0] == "evaluation" ? std::count_if(setup.eval_steps.begin(), setup.eval_steps.end(), is_earlier) : 0;
}

/// Extents but for the first.
std::vector<hsize_t> row_extents(std::vector<hsize_t> extents) {
  if (!extents.empty()) extents.erase(extents.begin());
  return extents;
}

void leave_times_out(StoredRun const& earlier, Datasets& datasets, std::int64_t rows) {
  auto const warm_up = earlier.file.read_integers("/raw/warm_up");
  for (std::int64_t step = 0; step < rows; ++step)
    if (warm_up.at(std::size_t(step)) != 1) datasets.at("/raw/warm_up").write_row(step, std::vector<std::int64_t>{2});
}

}  // namespace

StoredRun open_earlier(Continuation const& continuation) {
  auto const path = file_with(continuation.launch, continuation.run_file);
  if (path.empty())
    throw UserError(
        fmt::format("the run file of the launch that wrote the checkpoint is neither {} nor a partial file beside it; "
                    "put it back, since a resumed run goes on from what it holds",
                    continuation.run_file));
  auto run = open_run(path);
  if (std::int64_t(run.steps_done) >= continuation.first_step) return run;
  throw UserError(
      fmt::format("{} holds {} steps, but the checkpoint was made after {}: the run cannot be resumed without "
                  "losing the steps between",
                  path, run.steps_done, continuation.first_step));
}

Lineage lineage_after(StoredRun const& earlier, std::string const& path) {
  std::error_code error;
  auto const folder = fs::absolute(path).parent_path();
  auto const relative = fs::proximate(fs::absolute(earlier.file.path()), folder, error);
  return {std::stoll(earlier.file.read_attribute("/", "attempt")) + 1, (error ? earlier.file.path() : relative.string()),
          fmt::format("{}", fmt::join(launches_of(earlier.file), " "))};
}

void remove_superseded(StoredRun const& earlier, std::string const& path) {
  auto const run = launches_of(earlier.file);
  auto kept = kept_paths(path);
  if (!kept.empty()) kept.pop_back();
  for (auto const& each : kept) {
    auto const launches = launches_in(each);
    bool const same_run = std::find_first_of(launches.begin(), launches.end(), run.begin(), run.end()) != launches.end();
    std::error_code ignored;
    if (same_run && !fs::equivalent(each, earlier.file.path(), ignored)) fs::remove(each, ignored);
  }
}

void copy_earlier_rows(StoredRun const& earlier, Datasets& datasets, RunFileSetup const& setup) {
  bool const alike = same_layout(earlier, setup);
  bool const sensors_alike = same_sensors(earlier, setup);
  bool const same_details = stored_detail_every(earlier.configuration()) == setup.config.record.detail_every;
  for (auto const& spec : schema::datasets()) {
    auto const rows = earlier_rows(spec, setup);
    if (rows == 0 || !earlier.file.has(spec.path) || (belongs_to_layout(spec) && !alike)) continue;
    if (spec.dims[0] == "detail_step" && !same_details) continue;
    if (has_dim(spec, "energy_sensor") && !sensors_alike) continue;
    auto& dataset = datasets.at(spec.path);
    auto const there = earlier.file.extents(spec.path);
    if (row_extents(there) == row_extents(dataset.extents()) && std::int64_t(there.at(0)) >= rows)
      dataset.copy_rows(earlier.file, spec.path, rows);
  }
  if (earlier.file.read_attribute("/config", "cell_key") != setup.cell_key)
    leave_times_out(earlier, datasets, setup.first_step());
}

}  // namespace moescope::record
