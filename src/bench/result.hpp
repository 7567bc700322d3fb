#pragma once
#include "bench/plan.hpp"

namespace moescope::bench {

/// A row of the tables.
struct Result {
  Benchmark benchmark;
  SameAxes axes;
  std::int64_t groups;
  DType type;
  Message message;
  std::int64_t wrong = 0;          ///< elements, over all ranks; on every rank
  std::int64_t payload_bytes = 0;  ///< of one exchange, as the ledgers of all ranks counted it
  std::vector<double> seconds{};   ///< [iterations] of the slowest rank; on rank 0, empty elsewhere and where a time is no number

  std::int64_t size_bytes() const { return message.elements * scalar(type).stored; }
  double median_seconds() const;  ///< NaN without times, as are the two others
  double algbw() const;           ///< B/s
  double busbw() const;
};

}  // namespace moescope::bench
