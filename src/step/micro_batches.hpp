#pragma once
#include <functional>
#include <vector>

#include "data/data_source.hpp"
#include "layout/layout.hpp"
#include "model/micro_batch.hpp"

namespace moescope {

/// Sequences [first, first + count) of a stream.
using BatchSource = std::function<Batch(std::int64_t first_sequence, std::int64_t count)>;

/// This rank's part of micro-batch `micro_step` of a step whose global batch starts at sequence `first_sequence` of the stream.
struct LoadedMicroBatch {
  MicroBatch device;
  Batch host;
  std::int64_t num_labels = 0;  ///< counted targets of this dp coordinate
};
LoadedMicroBatch load_micro_batch(Layout const& layout, std::int64_t rank, BatchConfig const& batch, std::string const& pool,
                                  BatchSource const& source, std::int64_t first_sequence, std::int64_t micro_step);

}  // namespace moescope
