#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "checkpoint/safetensors.hpp"
#include "checkpoint/training_state.hpp"
#include "files/atomic_file.hpp"

namespace moescope {

namespace fs = std::filesystem;

namespace {

template <class T>
constexpr char const* dtype = sizeof(T) == 8 ? "F64" : "F32";

/// The owned rows of a tensor are one stretch of its flat buffer.
template <class T>
std::uint32_t write_shard(std::string const& path, TensorTable const& table, TrainingBuffers<T> const& state) {
  std::map<std::string, TensorToWrite> tensors;
  std::vector<Kokkos::View<T const*, Kokkos::HostSpace>> on_host;
  for (auto const& [prefix, buffers] : state) {
    for (std::size_t g = 0; g < buffers.group.size(); ++g) {
      on_host.push_back(Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), buffers.group[g]));
      for (auto const& spec : table.specs()) {
        if (spec.group != g || !buffers.hold(spec) || spec.owned_rows.size() <= 0) continue;
        auto const width = spec.held_columns.size();
        auto const first = spec.offset + (spec.owned_rows.begin - spec.held_rows.begin) * width;
        tensors[prefix + spec.name] = {dtype<T>, {spec.owned_rows.size(), width}, on_host.back().data() + first};
      }
    }
  }
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

template void save_checkpoint<double>(Communicator const&, std::string const&, CheckpointIndex const&, TensorTable const&,
                                      TrainingBuffers<double> const&);
template void save_checkpoint<float>(Communicator const&, std::string const&, CheckpointIndex const&, TensorTable const&,
                                     TrainingBuffers<float> const&);

}  // namespace moescope
