// main of the tests without MPI: Kokkos lives for the whole session.
#define CATCH_CONFIG_RUNNER
#include <Kokkos_Core.hpp>

#include "support/catch.hpp"

int main(int argc, char** argv) {
  Kokkos::ScopeGuard const kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  return Catch::Session().run(argc, argv);
}
