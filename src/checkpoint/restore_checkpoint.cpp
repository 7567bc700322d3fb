#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/upload.hpp"
#include "checkpoint/safetensors.hpp"
#include "checkpoint/training_state.hpp"
#include "files/checksum.hpp"
#include "files/mapped_file.hpp"

namespace moescope {

namespace {

Range overlap(Range a, Range b) {
  Range const common{std::max(a.begin, b.begin), std::min(a.end, b.end)};
  return common.size() > 0 ? common : Range{};
}

Range relative(Range part, Range to) { return {part.begin - to.begin, part.end - to.begin}; }

/// The shards of a checkpoint, opened when they are first needed.
class Shards {
 public:
  explicit Shards(std::string folder) : folder_(std::move(folder)) {}

  Safetensors const& at(std::int64_t number) {
    auto const found = open_.find(number);
    return found != open_.end() ? found->second : open_.emplace(number, Safetensors(shard_path(folder_, number))).first->second;
  }

 private:
  std::string folder_;
  std::map<std::int64_t, Safetensors> open_;
};

/// Copies what a piece and the held part [held_rows, held_columns] have in common; returns the number of elements.
std::int64_t copy_piece(Shards& shards, std::string const& name, Piece const& piece, TensorSpec const& spec,
                        std::vector<double>& held) {
  auto const rows = overlap(piece.rows, spec.held_rows), columns = overlap(piece.columns, spec.held_columns);
  if (rows.size() == 0 || columns.size() == 0) return 0;
  auto const& shard = shards.at(piece.shard);
  auto const& info = shard.info(name);
  if (info.rows() != piece.rows.size() || info.columns() != piece.columns.size())
    throw UserError(fmt::format("{}: tensor {} has shape {}, but checkpoint.json says [{}, {}].", shard.path(), name,
                                shape_text(info.shape), piece.rows.size(), piece.columns.size()));
  auto const values = shard.read_slice(name, relative(rows, piece.rows), relative(columns, piece.columns));
  auto const to_rows = relative(rows, spec.held_rows), to_columns = relative(columns, spec.held_columns);
  for (std::int64_t r = 0; r < rows.size(); ++r)
    for (std::int64_t c = 0; c < columns.size(); ++c)
      held[std::size_t((to_rows.begin + r) * spec.held_columns.size() + to_columns.begin + c)] =
          values[std::size_t(r * columns.size() + c)];
  return rows.size() * columns.size();
}

StoredTensor const& stored(CheckpointIndex const& index, std::string const& folder, TensorSpec const& spec) {
  auto const found = index.tensors.find(spec.name);
  if (found == index.tensors.end()) throw UserError(fmt::format("{}: holds no tensor '{}'.", index_path(folder), spec.name));
  if (found->second.rows != spec.rows || found->second.columns != spec.columns)
    throw UserError(fmt::format("{}: tensor {} has shape [{}, {}], but the configuration needs [{}, {}].", index_path(folder),
                                spec.name, found->second.rows, found->second.columns, spec.rows, spec.columns));
  return found->second;
}

}  // namespace

void check_shards(std::string const& folder, CheckpointIndex const& index, std::int64_t rank, std::int64_t ranks) {
  for (auto shard = rank; shard < std::int64_t(index.shard_checksums.size()); shard += ranks) {
    auto const path = shard_path(folder, shard);
    Checksum checksum;
    checksum.update(MappedFile(path).bytes());
    if (checksum.value() != index.shard_checksums[std::size_t(shard)])
      throw UserError(fmt::format("{}: is damaged: its bytes are not those that were written{}", path, older_checkpoint(folder)));
  }
}

template <class T>
void restore_checkpoint(std::string const& folder, CheckpointIndex const& index, TensorTable const& table,
                        TrainingBuffers<T> const& state) {
  Shards shards(folder);
  for_each_buffers(state, [&](std::string const& prefix, auto const& buffers) {
    for (auto const& spec : table.specs()) {
      if (!buffers.hold(spec)) continue;
      std::vector<double> held(std::size_t(spec.size()));
      std::int64_t copied = 0;
      for (auto const& piece : stored(index, folder, spec).pieces)
        copied += copy_piece(shards, prefix + spec.name, piece, spec, held);
      if (copied != spec.size())
        throw UserError(fmt::format("{}: the pieces of tensor '{}' do not cover it.", index_path(folder), spec.name));
      upload(ExecSpace(), held, buffers.flat(spec));
    }
  });
}

#define MOESCOPE_INSTANTIATE(T) \
  template void restore_checkpoint<T>(std::string const&, CheckpointIndex const&, TensorTable const&, TrainingBuffers<T> const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
