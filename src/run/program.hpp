#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "comm/communicator.hpp"

namespace moescope {

/// Exit codes of the program.
/// `stopped`: a signal ended the run, which left a checkpoint (the number is EX_TEMPFAIL of sysexits.h).
enum ExitCode { success = 0, failure = 1, usage = 2, stopped = 75 };

/// Runs `action` under MPI and Kokkos and returns its exit code. An error that all ranks agree on is printed once, by rank 0;
/// any other exception ends the whole job with the rank's name.
int run_parallel(std::function<int(Communicator const& world)> const& action);

/// One line on stderr that starts with "notice": no error, but not what its reader may expect.
void print_notice(std::string const& sentence);
/// One line on stderr that starts with the program's name.
void print_error(std::string const& sentence);
/// The same outside run_parallel: one line also where a launcher started several processes, which then must all call it or
/// run_parallel.
void print_error_once(std::string const& sentence);
/// From now on stdout is that of rank 0, as the launcher numbers its processes; needs no MPI.
void print_on_first_rank_only();

/// Whether all that was printed reached stdout, as far as the system says; not where it is closed or its disk full.
bool output_arrived();

/// Whether a launcher started more processes than this one; needs no MPI.
bool one_of_several();

/// OMP_NUM_THREADS; unset, `cores` of a node shared among its ranks, so that none is oversubscribed.
int threads_per_rank(std::int64_t ranks_on_node, std::int64_t cores);

/// What this process runs on, for --version and the provenance.
std::string kokkos_description();

}  // namespace moescope
