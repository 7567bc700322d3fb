#include "apps/follow_run.hpp"

#include <csignal>
#include <cstdio>
#include <ctime>

#include "record/follow.hpp"
#include "run/program.hpp"

namespace moescope {

namespace {

constexpr long nanoseconds_between_looks = 250'000'000;
constexpr int interrupted_exit_code = 128 + SIGINT;

volatile std::sig_atomic_t interrupted = 0;

/// A signal ends the pause, too.
void wait_a_moment() {
  timespec const time{.tv_sec = 0, .tv_nsec = nanoseconds_between_looks};
  ::nanosleep(&time, nullptr);
}

void note_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  ::sigaction(SIGINT, &action, nullptr);
}

}  // namespace

int follow_run(std::string const& path) {
  note_interrupt();
  FollowedRun run(path);
  while (interrupted == 0) {
    std::fputs(run.news().c_str(), stdout);
    if (!output_arrived() || run.ended()) return success;
    wait_a_moment();
  }
  return interrupted_exit_code;
}

}  // namespace moescope
