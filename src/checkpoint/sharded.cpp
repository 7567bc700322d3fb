#include "checkpoint/sharded.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.hpp"
#include "checkpoint/safetensors.hpp"
#include "files/mapped_file.hpp"
#include "files/strict_json.hpp"

namespace moescope {

namespace fs = std::filesystem;

namespace {

constexpr char const* single_file = "model.safetensors";
constexpr char const* index_file = "model.safetensors.index.json";

/// The file to begin with.
std::string entry_point(std::string const& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw UserError(path + ": there is no such checkpoint (a folder or a .safetensors file).");
  if (!fs::is_directory(path, ignored)) return path;
  for (auto const* name : {single_file, index_file})
    if (fs::exists(fs::path(path) / name, ignored)) return (fs::path(path) / name).string();
  throw UserError(path + ": the folder holds neither " + single_file + " nor " + index_file + ".");
}

/// Tensor -> path of its shard.
std::map<std::string, std::string> shards_of(std::string const& index_path) {
  MappedFile const file(index_path);
  auto const index = parse_strict_json(file.bytes(), index_path);
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
    throw UserError(index_path + ": has no object 'weight_map' that says which file holds which tensor.");
  std::map<std::string, std::string> shards;
  for (auto const& [name, shard] : index["weight_map"].items()) {
    if (!shard.is_string() || shard.get<std::string>().find('/') != std::string::npos)
      throw UserError(
          fmt::format("{}: weight_map['{}'] must be the name of a file beside it, found {}.", index_path, name, shard.dump()));
    auto const shard_path = fs::path(index_path).parent_path() / shard.get<std::string>();
    shards.emplace(name, shard_path.string());
  }
  return shards;
}

}  // namespace

struct TensorStore::State {
  std::string path;
  std::map<std::string, std::string> shard_of;
  std::map<std::string, std::unique_ptr<Safetensors>> open;  ///< by path

  Safetensors const& shard(std::string const& shard_path) {
    auto& slot = open[shard_path];
    if (!slot) slot = std::make_unique<Safetensors>(shard_path);
    return *slot;
  }
  Safetensors const& holder(std::string const& name) {
    auto const found = shard_of.find(name);
    if (found == shard_of.end()) throw UserError(path + ": holds no tensor '" + name + "'.");
    return shard(found->second);
  }
};

TensorStore::TensorStore(std::string const& path) : state_(std::make_unique<State>()) {
  state_->path = entry_point(path);
  if (fs::path(state_->path).extension() != ".json") {
    for (auto const& tensor : state_->shard(state_->path).tensors()) state_->shard_of.emplace(tensor.first, state_->path);
    return;
  }
  state_->shard_of = shards_of(state_->path);
  for (auto const& [name, shard] : state_->shard_of) {
    std::error_code ignored;
    if (!fs::is_regular_file(shard, ignored))
      throw UserError(fmt::format("{}: names the shard {} for tensor '{}', which is missing.", state_->path, shard, name));
  }
}
TensorStore::~TensorStore() = default;
TensorStore::TensorStore(TensorStore&&) noexcept = default;

std::string const& TensorStore::path() const { return state_->path; }
bool TensorStore::has(std::string const& name) const { return state_->shard_of.count(name) > 0; }

std::vector<std::string> TensorStore::names() const {
  std::vector<std::string> names;
  for (auto const& entry : state_->shard_of) names.push_back(entry.first);
  return names;
}

TensorInfo const& TensorStore::info(std::string const& name) const { return state_->holder(name).info(name); }
std::vector<double> TensorStore::read_slice(std::string const& name, Range rows, Range columns) const {
  return state_->holder(name).read_slice(name, rows, columns);
}
std::vector<std::int64_t> TensorStore::read_int64(std::string const& name) const { return state_->holder(name).read_int64(name); }

}  // namespace moescope
