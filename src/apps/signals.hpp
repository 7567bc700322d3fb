#pragma once

namespace moescope {

/// What a signal asks of a run: SIGUSR1 a checkpoint, SIGUSR2 and SIGTERM a checkpoint and the end. Under mpirun SIGTERM does
/// what it always does: there it comes from mpirun itself, which kills what is left a moment later.
enum class Request { none, checkpoint, stop };

/// Listens for these signals while it lives; one object at a time. A second SIGTERM ends the process at once.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(Signals const&) = delete;
  Signals& operator=(Signals const&) = delete;

  /// What was asked since the last call.
  Request take() const;
};

}  // namespace moescope
