#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "comm/communicator.hpp"

namespace moescope {

/// Cores that each thread of a process may run on, as the system numbers them. [threads]
using ThreadCores = std::vector<std::vector<int>>;

/// Of this process' threads that compute.
ThreadCores cores_of_threads(int threads);
/// Of this process before it has threads.
std::vector<int> cores_of_process();

/// Whether every thread can have a core of its own at the same time (a matching of threads to cores).
bool have_cores_of_their_own(ThreadCores const& threads);

/// "0-3,8"; of threads, in order, "0-3;4-7" or once where all have the same.
std::string core_text(std::vector<int> const& cores);
std::string core_text(ThreadCores const& threads);
/// The reverse, for what another rank sent.
ThreadCores cores_from_text(std::string const& text, std::int64_t threads);

/// What rank 0 knows of where all ranks run; empty elsewhere.
struct Binding {
  std::string ranks;                 ///< "rank 0: 0-1 | rank 1: 0-1", for the provenance
  std::vector<std::string> crowded;  ///< hosts on which threads share cores
};
/// Collective.
Binding gather_binding(Communicator const& world, std::vector<std::string> const& hosts, int threads);

/// What a user whose ranks share cores should know; empty where none do.
std::string crowded_notice(Binding const& binding);

}  // namespace moescope
