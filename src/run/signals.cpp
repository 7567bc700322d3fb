#include "run/signals.hpp"

#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace moescope {

namespace {

bool killed_by_launcher() {
  bool const by_slurm = std::getenv("SLURM_STEP_ID") != nullptr;
  return std::getenv("OMPI_COMM_WORLD_RANK") != nullptr || (std::getenv("PMI_RANK") != nullptr && !by_slurm);
}

/// What SIGTERM does to a process that does not listen.
void terminate() {
  std::signal(SIGTERM, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, SIGTERM);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  ::kill(::getpid(), SIGTERM);
}

}  // namespace

Signals::Signals() {
  sigemptyset(&listened_);
  for (int const signal : {SIGUSR1, SIGUSR2}) sigaddset(&listened_, signal);
  if (!killed_by_launcher()) sigaddset(&listened_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &listened_, nullptr);  // threads inherit it
  receiver_ = std::thread([this] { receive(); });
}

Signals::~Signals() {
  ending_ = true;
  pthread_kill(receiver_.native_handle(), SIGUSR1);
  receiver_.join();
}

void Signals::receive() {
  bool terminating = false;
  for (int signal = 0; sigwait(&listened_, &signal) == 0 && !ending_;) {
    if (signal == SIGTERM && std::exchange(terminating, true)) terminate();
    (signal == SIGUSR1 ? checkpoint_wanted_ : stop_wanted_) = true;
  }
}

Request Signals::take() const {
  if (stop_wanted_) return Request::stop;
  return checkpoint_wanted_.exchange(false) ? Request::checkpoint : Request::none;
}

}  // namespace moescope
