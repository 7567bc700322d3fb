#include "comm/arrivals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "base/region.hpp"
#include "comm/detail/mpi_call.hpp"

namespace moescope {

namespace {

constexpr int clock_tag = 1, round_trips = 20;

/// What members of a group tell each other of one exchange, as numbers that travel together.
struct Arrival {
  double collective, place, entry;
};
constexpr std::size_t numbers = sizeof(Arrival) / sizeof(double);

std::string exchange_of(Arrival const* arrivals, std::int64_t count, std::int64_t k,
                        std::vector<traffic::Collective> const& collectives) {
  if (k >= count) return "none";
  auto const& arrival = arrivals[k];
  return fmt::format("'{}' at place {}", collectives[std::size_t(arrival.collective)].name, arrival.place);
}

/// A sentence where the members did not stamp the same exchanges. `arrivals`: all members', one after the other, counts[i] of
/// each.
std::string mismatch(Group const& group, std::vector<Arrival> const& arrivals, std::vector<std::int64_t> const& counts,
                     std::vector<traffic::Collective> const& collectives) {
  Arrival const* own = arrivals.data();
  for (std::size_t i = 0; i < counts.size(); own += counts[i++]) {
    for (std::int64_t k = 0; k < std::max(counts[0], counts[i]); ++k) {
      bool const same = k < std::min(counts[0], counts[i]) && own[k].collective == arrivals[std::size_t(k)].collective &&
                        own[k].place == arrivals[std::size_t(k)].place;
      if (same) continue;
      return fmt::format("exchange {} of the group '{}' is {} on rank {} and {} on rank {}", k, group.name,
                         exchange_of(arrivals.data(), counts[0], k, collectives), group.ranks[0],
                         exchange_of(own, counts[i], k, collectives), group.ranks[i]);
    }
  }
  return {};
}

template <class T>
void broadcast(Communicator const& group, std::vector<T>& values) {
  std::vector<char> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  group.broadcast(bytes, 0);
  values.resize(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
}

/// [n, calls] arrivals of every member of the group. By way of the first member, like other gathers for the record, so that it is
/// no exchange of the step.
std::vector<Arrival> gather_arrivals(Communicator const& group, std::vector<Arrival> const& own,
                                     std::vector<traffic::Collective> const& collectives) {
  std::vector<std::int64_t> counts;
  auto const packed = group.gather(std::span(reinterpret_cast<double const*>(own.data()), numbers * own.size()), 0, &counts);
  std::vector<Arrival> all(packed.size() / numbers);
  if (!all.empty()) std::memcpy(all.data(), packed.data(), packed.size() * sizeof(double));
  for (auto& n : counts) n /= std::int64_t(numbers);
  auto const wrong = group.rank() == 0 ? mismatch(group.group(), all, counts, collectives) : std::string();
  std::vector<char> sentence(wrong.begin(), wrong.end());
  broadcast(group, sentence);
  if (!sentence.empty()) throw std::logic_error(std::string(sentence.begin(), sentence.end()));
  broadcast(group, all);
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
  auto const& collectives = mesh.ledger().collectives();
  for (auto const& row : axes()) {
    auto const& group = mesh.group(row.axis);
    auto const here = [&](traffic::Collective const& collective) { return collective.axis == row.axis; };
    if (group.size() == 1 || std::none_of(collectives.begin(), collectives.end(), here)) continue;
    std::vector<Stamp> calls;
    std::vector<Arrival> own;
    for (auto const& stamp : stamps) {
      if (stamp.axis != row.axis) continue;
      calls.push_back(stamp);
      own.push_back({double(stamp.collective), double(stamp.place), stamp.entry - mesh.clock_offset()});
    }
    auto const arrived = gather_arrivals(group, own, collectives);
    for (std::size_t k = 0; k < calls.size(); ++k) {
      double last = own[k].entry;
      for (std::size_t i = 0; i < std::size_t(group.size()); ++i) {
        if (calls[k].exchanges_with(i)) last = std::max(last, arrived[i * calls.size() + k].entry);
      }
      auto const split = wait_and_transfer(own[k].entry, calls[k].exit - mesh.clock_offset(), last);
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
