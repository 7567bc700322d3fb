#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/error.hpp"
#include "comm/detail/mpi_call.hpp"

namespace moescope {

namespace {

constexpr unsigned start_seconds = 300;
constexpr char late_start[] =
    "moescope: MPI_Init did not return within 300 s: some rank did not start, or has no memory for it\n";

/// A rank without memory may hang in MPI_Init, and all others with it; no exchange can tell of that yet.
void end_late_start(int) {
  if (::write(STDERR_FILENO, late_start, sizeof(late_start) - 1) < 0) ::_exit(2);
  ::_exit(1);
}

}  // namespace

Session::Session(int& argc, char**& argv) {
  int provided = MPI_THREAD_SINGLE;
  std::signal(SIGALRM, end_late_start);
  ::alarm(start_seconds);
  mpi::check(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided), "MPI_Init_thread", MPI_COMM_WORLD);
  ::alarm(0);
  std::signal(SIGALRM, SIG_DFL);
  if (provided < MPI_THREAD_FUNNELED) {
    MPI_Finalize();
    throw UserError("this MPI library allows no threads beside MPI calls (MPI_THREAD_FUNNELED); build or choose one that does");
  }
}

Session::~Session() { MPI_Finalize(); }

void abort_job(int exit_code) {
  ::alarm(10);  // ends this process, and so the job, should MPI_Abort find no memory to work with
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // Open MPI 5's launcher drops last words that it has not read
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::abort();
}

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  std::string line(text.data(), std::find(text.data(), text.data() + length, '\n'));  // MPICH tells its whole configuration
  std::replace(line.begin(), line.end(), '\t', ' ');
  return line;
}

}  // namespace moescope
