#pragma once
#include <filesystem>

namespace moescope {

/// Where `path` really is: absolute, behind all symbolic links, without `.` and `..`; its end need not exist. (The standard's
/// weakly_canonical leaves a relative path relative where its first part is missing.) Throws filesystem_error where a link
/// cannot be followed.
inline std::filesystem::path real_path(std::filesystem::path const& path) {
  return std::filesystem::weakly_canonical(std::filesystem::absolute(path));
}

}  // namespace moescope
