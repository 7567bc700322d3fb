#include "checkpoint/checkpoint_index.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "files/mapped_file.hpp"
#include "files/strict_json.hpp"

namespace moescope {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t format_version = 2;  ///< of checkpoint.json
constexpr std::string_view prefix = "step_";

nlohmann::json json_of(StoredTensor const& tensor) {
  auto pieces = nlohmann::json::array();
  for (auto const& piece : tensor.pieces)
    pieces.push_back({piece.shard, piece.rows.begin, piece.rows.end, piece.columns.begin, piece.columns.end});
  return {{"shape", {tensor.rows, tensor.columns}}, {"pieces", std::move(pieces)}};
}

/// Reads members of an object, and says which one is missing or of another type.
class Members {
 public:
  Members(nlohmann::json const& object, std::string const& source) : object_(object), source_(source) {
    if (!object.is_object()) throw UserError(fmt::format("{}: holds no JSON object.", source));
  }
  nlohmann::json const& member(char const* name) const {
    if (!object_.contains(name)) throw UserError(fmt::format("{}: '{}' is missing.", source_, name));
    return object_[name];
  }
  std::int64_t count(char const* name) const {
    auto const& value = member(name);
    if (!value.is_number_integer() || value.get<std::int64_t>() < 0)
      throw UserError(fmt::format("{}: '{}' must be a count, found {}.", source_, name, value.dump()));
    return value.get<std::int64_t>();
  }
  std::string text(char const* name) const {
    auto const& value = member(name);
    if (!value.is_string()) throw UserError(fmt::format("{}: '{}' must be text, found {}.", source_, name, value.dump()));
    return value.get<std::string>();
  }

 private:
  nlohmann::json const& object_;
  std::string const& source_;
};

std::vector<std::int64_t> counts(nlohmann::json const& list, std::size_t size) {
  std::vector<std::int64_t> values;
  if (list.is_array() && list.size() == size)
    for (auto const& value : list)
      if (value.is_number_integer() && value.get<std::int64_t>() >= 0) values.push_back(value.get<std::int64_t>());
  if (values.size() != size) values.clear();
  return values;
}

StoredTensor stored_tensor(nlohmann::json const& entry, std::string const& name, std::string const& source) {
  auto const refuse = [&](char const* what) {
    throw UserError(fmt::format("{}: '{}' of tensor '{}' is missing or malformed.", source, what, name));
  };
  if (!entry.is_object() || !entry.contains("shape") || !entry.contains("pieces") || !entry["pieces"].is_array())
    refuse("pieces");
  auto const shape = counts(entry["shape"], 2);
  if (shape.empty()) refuse("shape");
  StoredTensor tensor{shape[0], shape[1], {}};
  for (auto const& piece : entry["pieces"]) {
    auto const p = counts(piece, 5);
    if (p.empty() || p[1] > p[2] || p[2] > tensor.rows || p[3] > p[4] || p[4] > tensor.columns) refuse("pieces");
    tensor.pieces.push_back({p[0], {p[1], p[2]}, {p[3], p[4]}});
  }
  return tensor;
}

std::vector<std::uint32_t> checksums(nlohmann::json const& list, std::string const& source) {
  auto const values = counts(list, list.size());
  if (values.empty() || std::any_of(values.begin(), values.end(), [](auto value) { return value > UINT32_MAX; }))
    throw UserError(fmt::format("{}: 'shard_checksums' must be the CRC-32 of each shard.", source));
  return {values.begin(), values.end()};
}

/// When it was written, as its index says, or the file system where the index cannot be read.
std::int64_t time_of(std::string const& folder) {
  try {
    return read_checkpoint_index(folder).written;
  } catch (UserError const&) {
    struct stat status {};
    if (::stat(index_path(folder).c_str(), &status) != 0) return 0;
    return std::int64_t(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
  }
}

bool is_checkpoint(fs::path const& folder) {
  std::error_code ignored;
  return fs::is_regular_file(index_path(folder.string()), ignored) && folder.extension() != ".partial";
}

}  // namespace

std::string index_text(CheckpointIndex const& index) {
  auto tensors = nlohmann::json::object();
  for (auto const& [name, tensor] : index.tensors) tensors[name] = json_of(tensor);
  nlohmann::json const text = {{"format", format_version},
                               {"steps", index.steps},
                               {"updates", index.updates},
                               {"launch", index.launch},
                               {"run_file", index.run_file},
                               {"configuration", nlohmann::json::parse(index.configuration)},
                               {"data_fingerprint", index.data_fingerprint},
                               {"written", index.written},
                               {"shard_checksums", index.shard_checksums},
                               {"tensors", std::move(tensors)}};
  return text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

CheckpointIndex read_checkpoint_index(std::string const& folder) {
  auto const path = index_path(folder);
  MappedFile const file(path);
  auto const json = parse_strict_json(file.bytes(), path);
  Members const members(json, path);
  if (members.count("format") != format_version)
    throw UserError(
        fmt::format("{}: has format {}, this program reads format {}.", path, members.count("format"), format_version));
  CheckpointIndex index{members.count("steps"),
                        members.count("updates"),
                        members.text("launch"),
                        members.text("run_file"),
                        members.member("configuration").dump(),
                        members.text("data_fingerprint"),
                        {},
                        members.count("written"),
                        checksums(members.member("shard_checksums"), path)};
  if (!members.member("tensors").is_object()) throw UserError(path + ": 'tensors' must be an object.");
  for (auto const& [name, entry] : members.member("tensors").items())
    index.tensors.emplace(name, stored_tensor(entry, name, path));
  return index;
}

std::string checkpoint_name(std::int64_t steps) { return fmt::format("{}{:08}", prefix, steps); }

std::string shard_path(std::string const& checkpoint, std::int64_t shard) {
  return (fs::path(checkpoint) / fmt::format("shard_{:05}.safetensors", shard)).string();
}

std::string index_path(std::string const& checkpoint) { return (fs::path(checkpoint) / "checkpoint.json").string(); }

std::vector<std::string> checkpoints_in(std::string const& folder) {
  std::vector<std::pair<std::int64_t, std::string>> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().filename().string().starts_with(prefix) && is_checkpoint(entry->path()))
      found.emplace_back(time_of(entry->path().string()), entry->path().string());
  std::sort(found.begin(), found.end());
  std::vector<std::string> paths;
  for (auto const& [written, path] : found) paths.push_back(path);
  return paths;
}

std::string find_checkpoint(std::string const& path) {
  if (is_checkpoint(path)) return path;
  auto const found = checkpoints_in(path);
  if (found.empty())
    throw UserError(
        fmt::format("{}: there is no checkpoint (a folder {}... with checkpoint.json), here or in it.", path, prefix));
  return found.back();
}

std::string older_checkpoint(std::string const& checkpoint) {
  auto const path = fs::path(checkpoint).lexically_normal();
  auto const all = checkpoints_in(path.has_filename() ? path.parent_path().string() : path.parent_path().parent_path().string());
  auto const written = time_of(checkpoint);
  std::string older;
  for (auto const& other : all)
    if (time_of(other) < written) older = other;
  return older.empty() ? "; there is no older one beside it" : fmt::format("; the one written before it is {}", older);
}

}  // namespace moescope
