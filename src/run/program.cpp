#include "run/program.hpp"

#include <fmt/format.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <set>
#include <string_view>

#include "base/error.hpp"
#include "base/host.hpp"
#include "base/host_memory.hpp"
#include "run/binding.hpp"

namespace moescope {

namespace {

/// OMP_NUM_THREADS; unset, the cores that the ranks of rank 0's host may use, each once, shared among them.
int threads_of_each_rank(Communicator const& world) {
  auto const hosts = world.gather(host_name(), 0);
  auto const cores = world.gather(core_text(cores_of_process()), 0);
  std::set<int> usable;
  std::int64_t ranks = 0;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    if (hosts[rank] != hosts.front()) continue;
    ++ranks;
    auto const of_rank = cores_from_text(cores[rank], 1).front();
    usable.insert(of_rank.begin(), of_rank.end());
  }
  return int(world.sum(std::int64_t(world.rank() == 0 ? threads_per_rank(ranks, std::int64_t(usable.size())) : 0)));
}

Kokkos::InitializationSettings kokkos_settings(Communicator const& world) {
  return Kokkos::InitializationSettings().set_disable_warnings(true).set_num_threads(threads_of_each_rank(world));
}

/// As the launcher numbers this process; null where there is none.
char const* launched_rank() {
  for (auto const* variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"})
    if (auto const* rank = std::getenv(variable)) return rank;
  return nullptr;
}

/// For what no `catch` can reach: an exception in a thread or while another one unwinds.
[[noreturn]] void end_at_uncaught_exception() {
  std::string what = "an exception of unknown type";
  try {
    if (auto const error = std::current_exception()) std::rethrow_exception(error);
  } catch (std::exception const& error) {
    what = sentence_of(error);
  } catch (...) {
  }
  auto const* rank = launched_rank();
  print_error(fmt::format("rank {}: {}", rank ? rank : "0", what));
  abort_job(failure);
}

int act(std::function<int(Communicator const& world)> const& action) {
  std::set_terminate(end_at_uncaught_exception);
  auto const world = Communicator::world();
  keep_freed_memory();
  try {
    world.agree(nullptr);  // with what other ranks may have to say in print_error_once
    Kokkos::ScopeGuard const kokkos(kokkos_settings(world));
    return action(world);
  } catch (AgreedError const& error) {
    if (world.rank() == 0) print_error(error.what());
    return failure;
  } catch (std::exception const& error) {
    print_error(fmt::format("rank {}: {}", world.rank(), sentence_of(error)));
    abort_job(failure);
  }
}

}  // namespace

void print_notice(std::string const& sentence) { std::fprintf(stderr, "notice: %s\n", sentence.c_str()); }

void print_error(std::string const& sentence) { std::fprintf(stderr, "moescope: %s\n", sentence.c_str()); }

void print_error_once(std::string const& sentence) {
  if (!launched_rank()) return print_error(sentence);
  int argc = 0;
  char** argv = nullptr;
  Session const session(argc, argv);
  auto const world = Communicator::world();
  try {
    world.agree(std::make_exception_ptr(UserError(sentence)));
  } catch (AgreedError const& error) {
    if (world.rank() == 0) print_error(error.what());
  }
}

void print_on_first_rank_only() {
  auto const* rank = launched_rank();
  if (rank && std::string_view(rank) != "0" && !std::freopen("/dev/null", "w", stdout)) std::fclose(stdout);
}

bool output_arrived() {
  std::cout.flush();
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
}

bool one_of_several() {
  if (!launched_rank()) return false;
  for (auto const* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"})
    if (auto const* size = std::getenv(variable)) return std::atoi(size) > 1;
  return false;
}

int threads_per_rank(std::int64_t ranks_on_node, std::int64_t cores) {
  auto const* given = std::getenv("OMP_NUM_THREADS");
  if (int const threads = given ? std::atoi(given) : 0; threads > 0) return threads;
  return int(std::max<std::int64_t>(1, cores / std::max<std::int64_t>(1, ranks_on_node)));
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
  auto const exit_code = act(action);
  std::fflush(stdout);  // a launcher kills the others once one rank has ended with a code that is not 0
  return exit_code;
}

std::string kokkos_description() {
  return fmt::format("Kokkos {}.{}.{}, {}", KOKKOS_VERSION / 10000, KOKKOS_VERSION / 100 % 100, KOKKOS_VERSION % 100,
                     Kokkos::DefaultExecutionSpace::name());
}

}  // namespace moescope
