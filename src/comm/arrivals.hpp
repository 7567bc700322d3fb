#pragma once
#include "comm/mesh.hpp"

namespace moescope {

/// Time that a rank spent in an exchange, in two parts.
struct WaitAndTransfer {
  double wait = 0;      ///< min(last arrival, own exit) - own entry: never negative
  double transfer = 0;  ///< own exit - last arrival: negative where the rank left before the last one came
};

/// `last_arrival`: the latest entry among the rank itself and the peers it exchanges rows with. All on one clock, in seconds.
WaitAndTransfer wait_and_transfer(double entry, double exit, double last_arrival);

/// Free mode: adds wait and transfer of every stamped call to `entries` [collectives], from the entries of all members, which
/// each group gathers here, between steps. `stamps`: this rank's, of the same exchanges on every member; std::logic_error naming
/// the group, two ranks and their exchanges where they are not. Collective over the world; not ledgered.
void separate_waiting(Mesh const& mesh, std::vector<Stamp> const& stamps, std::vector<LedgerEntry>& entries);

/// How far this rank's clock is ahead of rank 0's, and half the shortest round trip by which it was found: the true value lies
/// within offset +- error.
struct ClockOffset {
  double offset = 0, error = 0;  ///< s
};
/// Rank 0 exchanges 20 messages with each rank in turn (Cristian, "Probabilistic clock synchronization", 1989). Collective.
ClockOffset estimate_clock_offset(Communicator const& world);

}  // namespace moescope
