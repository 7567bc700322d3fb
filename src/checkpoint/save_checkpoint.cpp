#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>

#include "base/to_host.hpp"
#include "checkpoint/safetensors.hpp"
#include "checkpoint/training_state.hpp"
#include "files/atomic_file.hpp"

namespace moescope {

namespace fs = std::filesystem;

namespace {

using Tensors = std::map<std::string, TensorToWrite>;

/// The owned rows of a tensor are one stretch of its flat buffer, of which the tensors share a copy on the host.
template <class Number>
void add_owned_rows(std::string const& prefix, TensorTable const& table, FlatBuffers<Number> const& buffers, Tensors& tensors,
                    std::vector<std::shared_ptr<void>>& copies) {
  for (std::size_t g = 0; g < buffers.group.size(); ++g) {
    auto const copy = std::make_shared<decltype(to_host(ExecSpace(), buffers.group[g]))>(to_host(ExecSpace(), buffers.group[g]));
    copies.push_back(copy);
    for (auto const& spec : table.specs()) {
      if (spec.group != g || !buffers.hold(spec) || spec.owned_rows.size() <= 0) continue;
      auto const width = spec.held_columns.size();
      auto const first = spec.offset + (spec.owned_rows.begin - spec.held_rows.begin) * width;
      tensors[prefix + spec.name] = {
          std::string(StorageType<Number>::safetensors), {spec.owned_rows.size(), width}, copy->data() + first};
    }
  }
}

template <class T>
std::uint32_t write_shard(std::string const& path, TensorTable const& table, TrainingBuffers<T> const& state) {
  Tensors tensors;
  std::vector<std::shared_ptr<void>> copies;
  for_each_buffers(
      state, [&](std::string const& prefix, auto const& buffers) { add_owned_rows(prefix, table, buffers, tensors, copies); });
  return write_safetensors(path, tensors);
}

void make_empty_folder(std::string const& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (!error) fs::create_directories(folder, error);
  if (error) throw UserError(fmt::format("{}: the checkpoint cannot be written: {}.", folder, error.message()));
}

/// Rank 0 sees what the others wrote only on a file system that all nodes share.
void require_shards(std::string const& folder, int ranks) {
  for (int rank = 0; rank < ranks; ++rank)
    if (!fs::exists(shard_path(folder, rank)))
      throw UserError(
          fmt::format("{}: the shard of rank {} cannot be seen from rank 0; checkpoint.path must be on a file system "
                      "that all nodes share.",
                      folder, rank));
}

/// A checkpoint of that name, of a launch before, stays until the new one has it: whatever happens in between, one of them is
/// found.
void publish(std::string const& partial, std::string const& folder) {
  std::error_code error;
  auto const replaced = folder + ".replaced";
  synchronise(partial);
  fs::remove_all(replaced, error);
  if (!error && fs::exists(folder, error)) fs::rename(folder, replaced, error);
  if (!error) fs::rename(partial, folder, error);
  if (error) throw UserError(fmt::format("{}: the checkpoint cannot be renamed to it: {}.", folder, error.message()));
  auto const parent = fs::path(folder).parent_path();
  synchronise(parent.empty() ? "." : parent.string());
  fs::remove_all(replaced, error);
}

void write_index(std::string const& folder, CheckpointIndex const& index) {
  AtomicFile file(index_path(folder));
  auto const text = index_text(index);
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace

template <class T>
void save_checkpoint(Communicator const& world, std::string const& folder, CheckpointIndex const& index, TensorTable const& table,
                     TrainingBuffers<T> const& state) {
  auto const partial = folder + ".partial";
  try {
    agreed(world, [&] {
      if (world.rank() == 0) make_empty_folder(partial);
    });
    std::int64_t checksum = 0;
    agreed(world, [&] { checksum = write_shard<T>(shard_path(partial, world.rank()), table, state); });
    auto const checksums = world.gather(std::span<std::int64_t const>(&checksum, 1), 0);
    agreed(world, [&] {
      if (world.rank() != 0) return;
      require_shards(partial, world.size());
      auto whole = index;
      whole.shard_checksums.assign(checksums.begin(), checksums.end());
      whole.written = std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
      write_index(partial, whole);
      publish(partial, folder);
    });
  } catch (UserError const&) {
    std::error_code ignored;
    if (world.rank() == 0) fs::remove_all(partial, ignored);
    throw;
  }
}

#define MOESCOPE_INSTANTIATE(T)                                                                                         \
  template void save_checkpoint<T>(Communicator const&, std::string const&, CheckpointIndex const&, TensorTable const&, \
                                   TrainingBuffers<T> const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
