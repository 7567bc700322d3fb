#include "comm/arrivals.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/region.hpp"
#include "comm/detail/mpi_call.hpp"

namespace moescope {

namespace {

constexpr int clock_tag = 1, round_trips = 20;

/// [n, calls] entries of every member of the group, on rank 0's clock. By way of the first member, like other gathers for the
/// record, so that it is no exchange of the step.
std::vector<double> gather_entries(Communicator const& group, std::vector<double> const& own) {
  auto all = group.gather(std::span<double const>(own), 0);
  all.resize(own.size() * std::size_t(group.size()));
  std::vector<char> bytes(all.size() * sizeof(double));
  std::memcpy(bytes.data(), all.data(), bytes.size());
  group.broadcast(bytes, 0);
  std::memcpy(all.data(), bytes.data(), bytes.size());
  return all;
}

/// Answers each question with the own clock at that moment.
void answer(int asker, MPI_Comm comm) {
  for (int i = 0; i < round_trips; ++i) {
    double time = 0;
    mpi::check(MPI_Recv(&time, 1, MPI_DOUBLE, asker, clock_tag, comm, MPI_STATUS_IGNORE), "MPI_Recv", comm);
    time = now();
    mpi::check(MPI_Send(&time, 1, MPI_DOUBLE, asker, clock_tag, comm), "MPI_Send", comm);
  }
}

ClockOffset ask(int peer, MPI_Comm comm) {
  ClockOffset best{0, std::numeric_limits<double>::infinity()};
  for (int i = 0; i < round_trips; ++i) {
    double const begin = now();
    double time = begin;
    mpi::check(MPI_Send(&time, 1, MPI_DOUBLE, peer, clock_tag, comm), "MPI_Send", comm);
    mpi::check(MPI_Recv(&time, 1, MPI_DOUBLE, peer, clock_tag, comm, MPI_STATUS_IGNORE), "MPI_Recv", comm);
    double const end = now();
    if ((end - begin) / 2 < best.error) best = {time - (begin + end) / 2, (end - begin) / 2};
  }
  return best;
}

}  // namespace

WaitAndTransfer wait_and_transfer(double entry, double exit, double last_arrival) {
  return {std::min(last_arrival, exit) - entry, exit - last_arrival};
}

void separate_waiting(Mesh const& mesh, std::vector<Stamp> const& stamps, std::vector<LedgerEntry>& entries) {
  for (int a = 0; a < num_axes; ++a) {
    auto const& group = mesh.group(Axis(a));
    if (group.size() == 1) continue;
    std::vector<Stamp> calls;
    std::vector<double> own;
    for (auto const& stamp : stamps) {
      if (stamp.axis != Axis(a)) continue;
      calls.push_back(stamp);
      own.push_back(stamp.entry - mesh.clock_offset());
    }
    if (calls.empty()) continue;
    auto const arrived = gather_entries(group, own);
    for (std::size_t k = 0; k < calls.size(); ++k) {
      double last = own[k];
      for (std::size_t i = 0; i < std::size_t(group.size()); ++i) {
        if (calls[k].exchanges_with(i)) last = std::max(last, arrived[i * calls.size() + k]);
      }
      auto const split = wait_and_transfer(own[k], calls[k].exit - mesh.clock_offset(), last);
      entries[calls[k].collective].wait_seconds += split.wait;
      entries[calls[k].collective].transfer_seconds += split.transfer;
    }
  }
}

ClockOffset estimate_clock_offset(Communicator const& world) {
  auto const comm = mpi::handle(world);
  ClockOffset own;
  for (int peer = 1; peer < world.size(); ++peer) {
    if (world.rank() == peer) {
      answer(0, comm);
      mpi::check(MPI_Recv(&own, 2, MPI_DOUBLE, 0, clock_tag, comm, MPI_STATUS_IGNORE), "MPI_Recv", comm);
    } else if (world.rank() == 0) {
      auto const found = ask(peer, comm);
      mpi::check(MPI_Send(&found, 2, MPI_DOUBLE, peer, clock_tag, comm), "MPI_Send", comm);
    }
  }
  return own;
}

}  // namespace moescope
