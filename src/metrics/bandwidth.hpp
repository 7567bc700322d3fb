#pragma once
#include <cstdint>
#include <string_view>

/// Bandwidths in the words of nccl-tests (doc/PERFORMANCE.md). `operation` is a name of traffic::Operation: all_reduce,
/// all_gather, reduce_scatter, all_to_all; `ranks` is the size of the group that took part, not of the job.
namespace moescope::metrics {

/// Bytes per second as the caller sees them: payload (the buffer; all_gather and reduce_scatter: the larger one) / time.
double algbw(double payload_bytes, double seconds);

/// What turns algbw into the load of the slowest link: all_reduce 2(n-1)/n; all_gather and reduce_scatter (n-1)/n. Our
/// all_to_all payload leaves out what a rank keeps, which is nccl-tests' (n-1)/n of its buffer, so its factor is 1.
/// 0 for a group of one.
double bus_factor(std::string_view operation, std::int64_t ranks);
double busbw(double payload_bytes, double seconds, std::string_view operation, std::int64_t ranks);

/// Bytes that leave a rank: payload * bus_factor, rounded to the nearest byte.
std::int64_t wire_bytes(std::int64_t payload_bytes, std::string_view operation, std::int64_t ranks);

}  // namespace moescope::metrics
