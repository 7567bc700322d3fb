#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "record/hdf5/file.hpp"

namespace moescope::record {

/// A run file open for reading, finished or not.
struct StoredRun {
  hdf5::File file;
  std::size_t steps_done;

  /// Text attribute of a group; it is a scalar text dataset in the group where it is too long for an attribute.
  std::string text(std::string const& group, std::string const& name) const;
  /// Every value in force: /config@resolved.
  nlohmann::json configuration() const;
};

/// Where the file has the dataset that this program writes at `path`: there, or at the name that earlier programs gave it.
std::string name_in(hdf5::File const& file, std::string const& path);

/// Throws UserError where `path` is no run file of this schema version, or has lost a part.
StoredRun open_run(std::string const& path);

}  // namespace moescope::record
