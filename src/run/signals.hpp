#pragma once
#include <atomic>
#include <csignal>
#include <thread>

namespace moescope {

/// What a signal asks of a run: SIGUSR1 a checkpoint, SIGUSR2 and SIGTERM a checkpoint and the end. Under mpirun SIGTERM does
/// what it always does: there it comes from mpirun itself, which kills what is left a moment later.
enum class Request { none, checkpoint, stop };

/// Listens for these signals while it lives; made once, before any other thread. One that comes later is ignored. A second
/// SIGTERM ends the process at once. A thread of its own waits for them, so that no thread that computes is ever interrupted:
/// oneDNN, up to 3.11 at least, overwrites the heap when a signal is handled within its products (its issue 4845).
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(Signals const&) = delete;
  Signals& operator=(Signals const&) = delete;

  /// What was asked since the last call.
  Request take() const;

 private:
  void receive();

  sigset_t listened_;
  std::atomic<bool> stop_wanted_ = false, ending_ = false;
  mutable std::atomic<bool> checkpoint_wanted_ = false;
  std::thread receiver_;
};

}  // namespace moescope
