#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/error.hpp"
#include "comm/mpi_call.hpp"

namespace moescope {

Session::Session(int& argc, char**& argv) {
  int provided = MPI_THREAD_SINGLE;
  mpi::check(MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread", MPI_COMM_WORLD);
  if (provided < MPI_THREAD_FUNNELED) {
    MPI_Finalize();
    throw UserError("this MPI library allows no threads beside MPI calls (MPI_THREAD_FUNNELED); build or choose one that does");
  }
}

Session::~Session() { MPI_Finalize(); }

void abort_job(int exit_code) {
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
