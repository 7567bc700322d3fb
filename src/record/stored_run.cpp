#include "record/stored_run.hpp"

#include <fmt/format.h>

#include <string_view>

#include "base/error.hpp"
#include "record/schema.hpp"

namespace moescope::record {
namespace {

void require_version(hdf5::File const& file) {
  if (!file.has_attribute("/", "schema_version")) throw UserError(file.path() + " is an HDF5 file but no run file of moescope");
  auto const version = file.read_attribute("/", "schema_version");
  if (version != std::to_string(schema::version))
    throw UserError(
        fmt::format("{} has schema version {}, this program reads version {}", file.path(), version, schema::version));
}

struct Renamed {
  std::string_view now, before;  ///< how a path begins
};
constexpr Renamed renamed[] = {
    {"/evaluation", "/eval"},
    {"/derived/imbalance/experts/", "/derived/imbalance/expert/"},
    {"/derived/imbalance/ranks/", "/derived/imbalance/rank/"},
    {"/derived/imbalance/nodes/", "/derived/imbalance/node/"},
};

/// Every dataset has the extents of its dimension scales. One that a program before this one did not know may be missing.
void require_whole(hdf5::File const& file) {
  for (auto const& spec : schema::datasets()) {
    auto const path = name_in(file, spec.path);
    if (!file.has(path)) continue;
    std::vector<hsize_t> expected;
    for (auto const& dim : spec.dims) expected.push_back(file.extents(name_in(file, "/" + dim)).at(0));
    if (file.extents(path) != expected)
      throw UserError(
          fmt::format("{}:{} has not the extents of its dimension scales, so the file is damaged", file.path(), path));
  }
}

std::size_t steps_done(hdf5::File const& file) {
  auto const done = file.read_integers("/steps_done").at(0);
  if (done < 0 || hsize_t(done) > file.extents("/step").at(0))
    throw UserError(fmt::format("{}:/steps_done is {}, more than the file's steps, so the file is damaged", file.path(), done));
  return std::size_t(done);
}

}  // namespace

std::string name_in(hdf5::File const& file, std::string const& path) {
  if (file.has(path)) return path;
  for (auto const& [now, before] : renamed) {
    if (!path.starts_with(now)) continue;
    if (auto const earlier = std::string(before) + path.substr(now.size()); file.has(earlier)) return earlier;
  }
  return path;
}

std::string StoredRun::text(std::string const& group, std::string const& name) const {
  return file.has_attribute(group, name) ? file.read_attribute(group, name) : file.read_text(group + "/" + name).at(0);
}

nlohmann::json StoredRun::configuration() const {
  auto values = nlohmann::json::parse(text("/config", "resolved"), nullptr, false);
  if (!values.is_object()) throw UserError(file.path() + ":/config@resolved is not JSON, so the file is damaged");
  return values;
}

StoredRun open_run(std::string const& path) {
  auto file = hdf5::File::open(path);
  require_version(file);
  require_whole(file);
  auto const done = steps_done(file);
  return {std::move(file), done};
}

}  // namespace moescope::record
