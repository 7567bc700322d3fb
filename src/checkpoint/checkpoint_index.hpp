#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/pieces.hpp"

namespace moescope {

/// What `checkpoint.json` says; the tensors are in `shard_NNNNN.safetensors` beside it. A checkpoint is the folder
/// `step_NNNNNNNN` of a folder of checkpoints and has that name only when it is whole.
struct CheckpointIndex {
  std::int64_t steps = 0;        ///< that were done
  std::int64_t updates = 0;      ///< of the optimiser
  std::string launch;            ///< id of the launch that wrote it
  std::string run_file;          ///< of that launch, relative to the folder of the checkpoint
  std::string configuration;     ///< JSON of every value in force
  std::string data_fingerprint;  ///< of the packed data
  StoredTensors tensors = {};
  std::int64_t written = 0;                         ///< when: nanoseconds since 1970
  std::vector<std::uint32_t> shard_checksums = {};  ///< [ranks] CRC-32 of each shard's file
};

std::string index_text(CheckpointIndex const& index);
/// Throws UserError naming the file and what is missing or malformed.
CheckpointIndex read_checkpoint_index(std::string const& folder);

/// `path` itself where it is a checkpoint, else the one in it that was written last. Throws UserError where there is none.
std::string find_checkpoint(std::string const& path);
/// Checkpoints in a folder in the order in which they were written; none where there is no such folder.
std::vector<std::string> checkpoints_in(std::string const& folder);
/// What may be resumed instead of a damaged checkpoint, as the end of a sentence.
std::string older_checkpoint(std::string const& checkpoint);
std::string checkpoint_name(std::int64_t steps);                            ///< step_00000050
std::string shard_path(std::string const& checkpoint, std::int64_t shard);  ///< CHECKPOINT/shard_00003.safetensors
std::string index_path(std::string const& checkpoint);

}  // namespace moescope
