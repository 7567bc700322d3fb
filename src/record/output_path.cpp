#include "record/output_path.hpp"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <set>

#include "base/error.hpp"
#include "files/atomic_file.hpp"

namespace moescope::record {
namespace {

namespace fs = std::filesystem;

/// Of a kept file's name; 0 where it is none.
int kept_number(std::string const& path, std::string const& name) {
  auto const prefix = fs::path(partial_path(path)).filename().string() + ".";
  int number = 0;
  auto const* const end = name.data() + name.size();
  if (!name.starts_with(prefix)) return 0;
  auto const result = std::from_chars(name.data() + prefix.size(), end, number);
  return result.ec == std::errc{} && result.ptr == end ? number : 0;
}

std::set<int> kept_numbers(std::string const& path) {
  std::set<int> numbers;
  std::error_code error;
  auto const folder = fs::path(path).parent_path();
  for (auto const& entry : fs::directory_iterator(folder.empty() ? "." : folder, error))
    if (auto const number = kept_number(path, entry.path().filename().string()); number > 0) numbers.insert(number);
  return numbers;
}

void keep_previous(std::string const& path) {
  auto const partial = partial_path(path);
  std::error_code error;
  if (!fs::exists(partial, error)) return;
  auto const numbers = kept_numbers(path);
  fs::rename(partial, kept_path(path, numbers.empty() ? 1 : *numbers.rbegin() + 1), error);
  if (error) throw UserError(fmt::format("cannot move {} out of the way: {}", partial, error.message()));
}

}  // namespace

std::string partial_path(std::string const& path) { return path + ".partial"; }

std::string final_path(std::string const& path) {
  auto const ending = partial_path("");
  return path.ends_with(ending) ? path.substr(0, path.size() - ending.size()) : path;
}

std::string kept_path(std::string const& path, int number) { return fmt::format("{}.{}", partial_path(path), number); }

std::vector<std::string> kept_paths(std::string const& path) {
  std::vector<std::string> paths;
  for (auto const number : kept_numbers(path)) paths.push_back(kept_path(path, number));
  return paths;
}

Lock prepare_output(std::string const& path, bool overwrite) {
  std::error_code error;
  if (path.empty()) throw UserError("record.path is empty: name the run file there or with --out");
  if (!fs::path(path).has_filename())
    throw UserError(fmt::format("{} names a folder: name a file in it with --out, e.g. {}run.h5", path, path));
  if (fs::is_directory(path, error)) throw UserError(fmt::format("{} is a folder: name a file in it with --out", path));
  if (fs::exists(path, error) && !overwrite)
    throw UserError(fmt::format("{} exists: choose another file with --out, or replace it with --overwrite", path));
  Lock lock(path, "choose another output with --out");
  keep_previous(path);
  return lock;
}

void publish(std::string const& path) {
  std::error_code error;
  std::filesystem::rename(partial_path(path), path, error);
  if (error) throw UserError(fmt::format("cannot rename {} to {}: {}", partial_path(path), path, error.message()));
  auto const folder = fs::path(path).parent_path();
  synchronise(folder.empty() ? "." : folder.string());
}

}  // namespace moescope::record
