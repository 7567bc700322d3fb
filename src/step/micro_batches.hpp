#pragma once
#include <functional>
#include <string>
#include <vector>

#include "data/data_source.hpp"
#include "layout/layout.hpp"
#include "model/micro_batch.hpp"

namespace moescope {

/// Sequences [first, first + count) of a stream.
using BatchSource = std::function<Batch(std::int64_t first_sequence, std::int64_t count)>;

/// What all ranks take one step's micro-batches from.
struct GlobalBatch {
  BatchConfig sizes;
  std::vector<std::string> pools;  ///< `pool_names`
  BatchSource source;
  std::int64_t first_sequence = 0;  ///< of the step, in the stream
};

/// One rank's part of a micro-batch.
struct LoadedMicroBatch {
  MicroBatch device;
  Batch host;
  std::int64_t num_labels = 0;  ///< counted targets of this dp coordinate
};
LoadedMicroBatch load_micro_batch(Layout const& layout, std::int64_t rank, GlobalBatch const& global, std::int64_t micro_step);

}  // namespace moescope
