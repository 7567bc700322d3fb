#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "traffic/traffic.hpp"

namespace moescope {

/// What this rank put into one collective since the last take().
struct LedgerEntry {
  traffic::Volume volume;
  double wait_seconds = 0;      ///< phased: in the barrier before it; free: 0 until separate_waiting()
  double transfer_seconds = 0;  ///< phased: the collective alone; free: 0 until separate_waiting()
};

/// When this rank came to a call and left it, on its own clock, and with which members of the group it exchanged rows.
struct Stamp {
  std::size_t collective;
  Axis axis;
  double entry, exit;
  std::vector<bool> with_rows;  ///< [group]; empty: with all
  bool exchanges_with(std::size_t member) const { return with_rows.empty() || with_rows[member]; }
};

/// Counts every exchange of this rank at the only door. Knows the list of exchanges that the configuration allows: one
/// with an unknown name, or over another axis or operation than listed, is a programmer's error.
class Ledger {
 public:
  explicit Ledger(std::vector<traffic::Collective> collectives);

  std::vector<traffic::Collective> const& collectives() const { return collectives_; }
  /// Position of a collective on the list; std::logic_error naming it when it is not there with this axis and operation.
  std::size_t index(std::string_view name, Axis axis, traffic::Operation operation) const;
  void append(std::string_view name, Axis axis, traffic::Operation operation, LedgerEntry const& entry);
  /// Free mode: one for each call, in order.
  void add(Stamp stamp) { stamps_.push_back(std::move(stamp)); }
  std::vector<Stamp> const& stamps() const { return stamps_; }
  /// [collectives] since the last call, whose stamps are dropped; take() before and after an evaluation keeps it apart from the
  /// steps.
  std::vector<LedgerEntry> take();

 private:
  std::vector<traffic::Collective> collectives_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<LedgerEntry> entries_;
  std::vector<Stamp> stamps_;
};

}  // namespace moescope
