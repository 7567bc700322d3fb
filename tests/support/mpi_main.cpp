// main of the tests under MPI: every rank runs the same cases and returns the worst verdict of all ranks.
#define CATCH_CONFIG_RUNNER
#include <Kokkos_Core.hpp>
#include <iostream>
#include <sstream>
#include <string>

#include "comm/communicator.hpp"
#include "support/catch.hpp"

namespace {

/// Holds the report of a rank other than 0; it reaches stderr as soon as it tells of a failure, since the rank may be
/// about to leave the others behind in a collective.
class QuietReport : public std::stringbuf {
 public:
  explicit QuietReport(int rank) : rank_(rank) {}

 protected:
  int sync() override {
    auto const text = str();
    if (text.find("FAILED") == std::string::npos) return 0;
    str("");  // before writing: std::cerr flushes std::cout, which comes back here
    std::cerr << "[rank " + std::to_string(rank_) + "]\n" + text << std::flush;
    return 0;
  }

 private:
  int rank_;
};

int run(int argc, char** argv, int rank) {
  QuietReport quiet(rank);
  auto* const stdout_buffer = std::cout.rdbuf();
  if (rank != 0) std::cout.rdbuf(&quiet);
  int const failures = Catch::Session().run(argc, argv);
  std::cout.flush();
  std::cout.rdbuf(stdout_buffer);
  return failures;
}

}  // namespace

int main(int argc, char** argv) {
  moescope::Session const session(argc, argv);
  Kokkos::ScopeGuard const kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  auto const world = moescope::Communicator::world();
  int const failures = run(argc, argv, world.rank());
  return world.max(failures) == 0 ? 0 : 1;
}
