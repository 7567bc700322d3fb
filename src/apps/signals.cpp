#include "apps/signals.hpp"

#include <csignal>
#include <cstdlib>
#include <iterator>

namespace moescope {

namespace {

constexpr int listened[] = {SIGUSR1, SIGUSR2, SIGTERM};
struct sigaction previous[std::size(listened)];

volatile std::sig_atomic_t checkpoint_wanted = 0, stop_wanted = 0;

bool killed_by_launcher() {
  bool const by_slurm = std::getenv("SLURM_STEP_ID") != nullptr;
  return std::getenv("OMPI_COMM_WORLD_RANK") != nullptr || (std::getenv("PMI_RANK") != nullptr && !by_slurm);
}

void note(int signal) {
  (signal == SIGUSR1 ? checkpoint_wanted : stop_wanted) = 1;
  if (signal == SIGTERM) std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

Signals::Signals() {
  checkpoint_wanted = 0;
  stop_wanted = 0;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < std::size(listened); ++i)
    sigaction(listened[i], listened[i] == SIGTERM && killed_by_launcher() ? nullptr : &action, &previous[i]);
}

Signals::~Signals() {
  for (std::size_t i = 0; i < std::size(listened); ++i) sigaction(listened[i], &previous[i], nullptr);
}

Request Signals::take() const {
  if (stop_wanted) return Request::stop;
  bool const wanted = checkpoint_wanted != 0;
  checkpoint_wanted = 0;
  return wanted ? Request::checkpoint : Request::none;
}

}  // namespace moescope
