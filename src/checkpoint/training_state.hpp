#pragma once
#include <string>
#include <vector>

#include "checkpoint/checkpoint_index.hpp"
#include "comm/communicator.hpp"
#include "model/parameters.hpp"

namespace moescope {

/// Buffers of a checkpoint whose tensors' names begin with `prefix`.
template <class Number>
struct StateBuffers {
  std::string prefix;
  FlatBuffers<Number> buffers;
};
/// The parameters keep their published names; `first_moment.` and `second_moment.` begin those of what training adds.
template <class T>
struct TrainingBuffers {
  FlatBuffers<T> parameters;
  std::vector<StateBuffers<Accumulate<T>>> moments;
};
/// action(prefix, buffers) for the parameters, then for each of the moments.
template <class T, class Action>
void for_each_buffers(TrainingBuffers<T> const& state, Action const& action) {
  action("", state.parameters);
  for (auto const& [prefix, buffers] : state.moments) action(prefix, buffers);
}

/// Writes the checkpoint `folder`: each rank its shard, with the rows that it owns, then rank 0 the index; all under the name
/// `folder.partial`, renamed when everything is on the disk. `index.tensors` must be pieces_of() the layout on rank 0 and may
/// be empty elsewhere. A failure on any rank is an error on every rank, and leaves what was there before. Collective.
template <class T>
void save_checkpoint(Communicator const& world, std::string const& folder, CheckpointIndex const& index, TensorTable const& table,
                     TrainingBuffers<T> const& state);

/// Compares every `ranks`-th shard from number `rank` on with the checksum that the index holds, so that the ranks of a job
/// together read each shard once. Throws UserError naming a shard that is missing or damaged, and the checkpoint before it.
void check_shards(std::string const& folder, CheckpointIndex const& index, std::int64_t rank, std::int64_t ranks);

/// Fills this rank's part of every buffer, whatever the layout of the checkpoint was; only the slices it holds are read. Throws
/// UserError naming file and tensor where one is missing, has another shape or is not covered by its pieces.
template <class T>
void restore_checkpoint(std::string const& folder, CheckpointIndex const& index, TensorTable const& table,
                        TrainingBuffers<T> const& state);

}  // namespace moescope
