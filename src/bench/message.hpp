#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "traffic/traffic.hpp"

/// The collectives alone, as nccl-tests runs and prints them, by the exchanges that the program uses. What each number means:
/// docs/definitions.md, "Benchmarks of collectives".
namespace moescope::bench {

/// An operation, and how its messages are shared out.
struct Benchmark {
  std::string_view name;
  traffic::Operation operation;
  bool skewed = false;
  std::string_view reduction() const;  ///< nccl-tests' column redop
};
std::span<Benchmark const> benchmarks();

/// One message over a group, the same on every member. In elements.
struct Message {
  traffic::Operation operation;
  std::int64_t count = 0;     ///< nccl-tests' column: all_reduce the buffer; else the mean part of a member
  std::int64_t elements = 0;  ///< of the buffer whose size nccl-tests prints: the larger one of send and receive, if even
  std::vector<std::int64_t>
      parts;  ///< [members] of that buffer, what is for (all_gather: from) each; all_reduce: its even shares

  std::int64_t members() const { return std::int64_t(parts.size()); }
  /// What the ledger counts at a member.
  std::int64_t payload(std::int64_t member) const;
  /// What metrics::busbw counts: the payload; all_to_all: what the member that receives most receives from the others.
  std::int64_t bus_payload() const;
};

/// Of at most `bytes`, rounded down to a multiple of the members as nccl-tests does, but for all_reduce. Skewed: member 0 is
/// sent `skew` times the mean, to the nearest element, and the others share the rest.
Message message(Benchmark const& benchmark, std::int64_t bytes, std::int64_t element_bytes, std::int64_t members, double skew);

}  // namespace moescope::bench
