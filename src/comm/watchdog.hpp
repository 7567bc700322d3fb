#pragma once
#include <memory>

#include "comm/communicator.hpp"

namespace moescope {

/// Ends the job when a rank waits longer than `seconds` in one exchange, with one sentence that names the exchange, its
/// group, and the ranks that have not come, and says what each of those does. A rank that is slow but comes in time is
/// left alone. A thread of its own looks a few times a second and talks to the other ranks' only when somebody is overdue,
/// over a communicator of its own; without MPI_THREAD_MULTIPLE it cannot ask, and names no absentees.
class Watchdog {
 public:
  /// Collective over `world`. 0 seconds: no watch.
  Watchdog(Communicator const& world, double seconds);
  ~Watchdog();
  Watchdog(Watchdog const&) = delete;
  Watchdog& operator=(Watchdog const&) = delete;

 private:
  class Watch;
  std::unique_ptr<Watch> watch_;
};

}  // namespace moescope
