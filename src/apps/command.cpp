#include "apps/command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/error.hpp"
#include "base/host_memory.hpp"

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

bool launched() {
  auto const set = [](char const* variable) { return std::getenv(variable) != nullptr; };
  return set("OMPI_COMM_WORLD_RANK") || set("PMIX_RANK") || set("PMI_RANK");
}

int act(std::function<int(Communicator const& world)> const& action) {
  auto const world = Communicator::world();
  keep_freed_memory();
  try {
    Kokkos::ScopeGuard const kokkos(kokkos_settings(world));
    return action(world);
  } catch (AgreedError const& error) {
    if (world.rank() == 0) print_error(error.what());
    return failure;
  } catch (std::exception const& error) {
    print_error(fmt::format("rank {}: {}", world.rank(), error.what()));
    abort_job(failure);
  }
}

}  // namespace

void print_error(std::string const& sentence) { std::fprintf(stderr, "moescope: %s\n", sentence.c_str()); }

void print_error_once(std::string const& sentence) {
  if (!launched()) return print_error(sentence);
  int argc = 0;
  char** argv = nullptr;
  Session const session(argc, argv);
  if (Communicator::world().rank() == 0) print_error(sentence);
}

int run_parallel(std::function<int(Communicator const& world)> const& action) {
  int argc = 0;
  char** argv = nullptr;
  std::optional<Session> session;
  try {
    session.emplace(argc, argv);
  } catch (UserError const& error) {
    print_error(error.what());
    return failure;
  }
  return act(action);
}

std::string kokkos_description() {
  return fmt::format("Kokkos {}.{}.{}, {}", KOKKOS_VERSION / 10000, KOKKOS_VERSION / 100 % 100, KOKKOS_VERSION % 100,
                     Kokkos::DefaultExecutionSpace::name());
}

}  // namespace moescope
