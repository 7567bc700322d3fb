#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// Counts this process' MPI collectives from their arguments alone, by overriding them over MPI's profiling interface.
/// Shares no code with `comm`. Link moescope_pmpi_counter and call a function of it to have it in a program.
namespace pmpi_counter {

struct Count {
  std::int64_t bytes = 0;  ///< all_reduce the buffer, all_gather what is received, reduce_scatter and all_to_all what is sent
  std::int64_t calls = 0;
  friend bool operator==(Count const&, Count const&) = default;
};

/// By operation (all_reduce, all_gather, reduce_scatter, all_to_all), blocking or not, since the last call.
std::map<std::string, Count> take();

struct Call {
  std::string operation;
  std::int64_t bytes = 0;
  friend bool operator==(Call const&, Call const&) = default;
};
/// One by one, in the order in which they were made, since the last call of either function.
std::vector<Call> take_calls();

}  // namespace pmpi_counter
