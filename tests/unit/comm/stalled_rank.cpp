// One rank never comes, or comes late, in a way that the first argument names; tests/program/test_stalled_rank.py reads what
// the watchdog says. Needs four ranks. stalled_rank KIND SECONDS
#include <Kokkos_Core.hpp>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "comm/exchange.hpp"
#include "comm/watchdog.hpp"

namespace {

using namespace moescope;

[[noreturn]] void sleep_for_ever() {
  for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
}
[[noreturn]] void compute_for_ever() {
  for (volatile bool more = true; more;) {
  }
  std::abort();
}

/// One exchange along ep, then one along dp, then a barrier of all.
void exchange_everything(Mesh& mesh) {
  std::vector<double> values{1};
  all_reduce_control(mesh, mesh.exchange("ep.sum"), values);
  all_reduce_control(mesh, mesh.exchange("dp.sum"), values);
  mesh.world().barrier();
}

void stall(std::string const& kind, double seconds, Mesh& mesh) {
  exchange_everything(mesh);
  bool const chosen = mesh.rank() == 3;
  if (kind == "sleeps" && chosen) sleep_for_ever();
  if (kind == "computes" && chosen) compute_for_ever();
  if (kind == "stopped" && chosen) std::raise(SIGSTOP);
  if (kind == "first rank stopped" && mesh.rank() == 0) std::raise(SIGSTOP);
  if (kind == "two sleep" && mesh.rank() >= 2) sleep_for_ever();
  if (kind == "before a barrier" && chosen) {
    std::vector<double> values{1};
    all_reduce_control(mesh, mesh.exchange("ep.sum"), values);
    all_reduce_control(mesh, mesh.exchange("dp.sum"), values);
    sleep_for_ever();
  }
  for (int i = 0; kind == "slow" && i < 4; ++i) {
    if (chosen) std::this_thread::sleep_for(std::chrono::duration<double>(0.6 * seconds));
    exchange_everything(mesh);
  }
  exchange_everything(mesh);
}

}  // namespace

int main(int argc, char** argv) {
  Session const session(argc, argv);
  Kokkos::ScopeGuard const kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  auto const world = Communicator::world();
  double const seconds = std::atof(argv[2]);
  Watchdog const watchdog(world, seconds);
  LayoutConfig config;
  config.tp = config.ep = 2;
  using traffic::Operation;
  Mesh mesh(world, Layout(config, world.size()),
            {{"ep.sum", Axis::ep, Operation::all_reduce}, {"dp.sum", Axis::dp, Operation::all_reduce}});
  mesh.set_phased(std::string(argv[1]) == "sleeps");
  stall(argv[1], seconds, mesh);
}
