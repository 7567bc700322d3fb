#include "apps/command.hpp"

#include <unistd.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "base/error.hpp"

namespace moescope {

std::string host_name() {
  char name[256] = {};
  gethostname(name, sizeof(name) - 1);
  return name;
}

namespace {

/// Threads per rank where the user sets none: the node's cores shared among its ranks, so that nothing is oversubscribed.
int default_threads(Communicator const& world) {
  auto const hosts = world.gather(host_name(), 0);
  std::int64_t ranks_here = world.rank() == 0 ? std::count(hosts.begin(), hosts.end(), hosts.front()) : 0;
  ranks_here = std::max<std::int64_t>(1, world.sum(ranks_here));
  return int(std::max<std::int64_t>(1, sysconf(_SC_NPROCESSORS_ONLN) / ranks_here));
}

Kokkos::InitializationSettings kokkos_settings(Communicator const& world) {
  Kokkos::InitializationSettings settings;
  settings.set_disable_warnings(true);
  auto const threads = default_threads(world);
  if (!std::getenv("OMP_NUM_THREADS")) settings.set_num_threads(threads);
  return settings;
}

}  // namespace

int run_parallel(std::function<int(Communicator const& world)> const& action) {
  int argc = 0;
  char** argv = nullptr;
  Session const session(argc, argv);
  auto const world = Communicator::world();
  try {
    Kokkos::ScopeGuard const kokkos(kokkos_settings(world));
    return action(world);
  } catch (AgreedError const& error) {
    if (world.rank() == 0) std::fprintf(stderr, "moescope: %s\n", error.what());
    return failure;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "moescope: rank %d: %s\n", world.rank(), error.what());
    abort_job(failure);
  }
}

std::string kokkos_description() {
  std::ostringstream text;
  text << "Kokkos " << KOKKOS_VERSION / 10000 << "." << KOKKOS_VERSION / 100 % 100 << "." << KOKKOS_VERSION % 100 << ", "
       << Kokkos::DefaultExecutionSpace::name();
  return text.str();
}

}  // namespace moescope
