#include "comm/detail/mpi_call.hpp"

#include <array>
#include <cstdio>
#include <limits>

#include "base/error.hpp"

namespace moescope::mpi {

std::string error_text(int code, char const* call, MPI_Comm communicator) {
  std::array<char, MPI_MAX_ERROR_STRING> reason{};
  std::array<char, MPI_MAX_OBJECT_NAME> group{};
  int length = 0, rank = -1;
  MPI_Error_string(code, reason.data(), &length);
  MPI_Comm_get_name(communicator, group.data(), &length);
  MPI_Comm_rank(communicator, &rank);
  return "rank " + std::to_string(rank) + " of '" + group.data() + "': " + call + " failed: " + reason.data();
}

void check(int code, char const* call, MPI_Comm communicator) {
  if (code == MPI_SUCCESS) return;
  std::fprintf(stderr, "moescope: %s\n", error_text(code, call, communicator).c_str());
  abort_job(1);
}

int count(std::int64_t count, std::string_view unit, std::string_view exchange, std::string_view advice) {
  constexpr std::int64_t largest = std::numeric_limits<int>::max();
  MOESCOPE_CHECK(count >= 0);
  if (count <= largest) return int(count);
  throw UserError("exchange '" + std::string(exchange) + "' needs " + std::to_string(count) + " " + std::string(unit) +
                  " in one MPI call, which counts up to " + std::to_string(largest) + "; " + std::string(advice));
}

}  // namespace moescope::mpi
